//! Requests as bytes: what no client library would send.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::app::TestApp;
use super::client::Answer;

impl TestApp {
    /// Sends these lines as a request without a body, and reads the answer. `Connection: close` is added.
    pub(crate) async fn raw(&self, lines: &[&str]) -> Answer {
        let request = format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
        let address = self.address();
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(request.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            std::io::Result::Ok(answer)
        });
        parse(&answer.await.expect("no panic").expect("an answer"))
    }
}

fn parse(answer: &str) -> Answer {
    let (head, text) = answer.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
    let header = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    };
    let headers = HeaderMap::from_iter(lines.filter_map(header));
    Answer { status: status.parse().expect("a number"), headers, text: text.to_owned() }
}
