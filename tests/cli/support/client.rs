//! A client that writes its requests by hand, so that a test decides when each byte is sent.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::PATIENCE;

/// A request, not yet sent.
pub(crate) struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn post(path: &str, body: &Value) -> Self {
        Self { method: "POST", body: body.to_string().into_bytes(), ..Self::get(path) }
            .with("Content-Type", "application/json")
    }

    pub(crate) fn patch(path: &str, body: &Value) -> Self {
        Self { method: "PATCH", ..Self::post(path, body) }
    }

    /// With a body that is sent as it is: chunks, already with their lengths.
    pub(crate) fn chunked_post(path: &str, chunks: &str) -> Self {
        let request = Self { method: "POST", body: chunks.as_bytes().to_vec(), ..Self::get(path) };
        request.with("Content-Type", "application/json").with("Transfer-Encoding", "chunked")
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn by(self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    /// Sends it all and waits for the answer.
    pub(crate) fn send(self, server: SocketAddr) -> Answer {
        self.begin(server, usize::MAX).finish()
    }

    /// Sends the head and the first bytes of the body.
    pub(crate) fn begin(self, server: SocketAddr, first: usize) -> Sending {
        let mut stream = TcpStream::connect(server).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let (now, later) = self.body.split_at(first.min(self.body.len()));
        stream.write_all(&[&self.head(server), now].concat()).expect("the server reads");
        Sending { stream, rest: later.to_vec() }
    }

    /// Sends it all; no answer if there is nobody, or nobody any more, who could give one.
    pub(crate) fn try_send(self, server: SocketAddr) -> Option<Answer> {
        let mut stream = TcpStream::connect(server).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(&[&*self.head(server), &self.body].concat()).ok()?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).ok()?;
        bytes.windows(4).any(|end| end == b"\r\n\r\n").then(|| Answer::read(&bytes))
    }

    fn head(&self, server: SocketAddr) -> Vec<u8> {
        let head = format!("{} {} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n", self.method, self.path);
        let length = ("Content-Length", self.body.len().to_string());
        let chunked = self.headers.iter().any(|(name, _)| *name == "Transfer-Encoding");
        let headers = self.headers.iter().chain((!self.body.is_empty() && !chunked).then_some(&length));
        let headers: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        [head.as_bytes(), headers.as_bytes(), b"\r\n"].concat()
    }
}

/// A request on its way.
pub(crate) struct Sending {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Sending {
    /// Sends the rest and waits for the answer.
    pub(crate) fn finish(mut self) -> Answer {
        // A server that has answered already need not read on.
        let _ = self.stream.write_all(&self.rest);
        self.wait()
    }

    /// Waits for the answer to what was sent.
    pub(crate) fn wait(mut self) -> Answer {
        let mut bytes = Vec::new();
        if let Err(error) = self.stream.read_to_end(&mut bytes) {
            // What came before the server hung up on the rest of a refused body counts.
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
        }
        Answer::read(&bytes)
    }
}

/// What the server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers = lines.filter_map(header).collect();
        Self { status: status.expect("a status"), headers, body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// Fails the test unless this is the status; gives the body.
    pub(crate) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// Fails the test unless this is the refusal.
    pub(crate) fn refuses(&self, status: u16, code: &str) {
        assert_eq!((self.is(status)["code"].as_str(), self.status), (Some(code), status), "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
    }
}
