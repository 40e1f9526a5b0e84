//! A collector of traces, as OpenTelemetry's exporters speak to one: OTLP over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message;

/// Takes whatever is sent, until the test ends.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Vec<ResourceSpans>>>,
}

impl Collector {
    pub(crate) fn listening() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (address, taken) = (listener.local_addr().expect("it is bound"), Arc::default());
        let collector = Self { address, taken: Arc::clone(&taken) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = Arc::clone(&taken);
                std::thread::spawn(move || while take(&stream, &taken).is_some() {});
            }
        });
        collector
    }

    /// Every span so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let taken = self.taken.lock().expect("nobody panicked");
        taken.iter().flat_map(|one| &one.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }

    /// All that was taken, as text to search.
    pub(crate) fn text(&self) -> String {
        format!("{:?}", self.taken.lock().expect("nobody panicked"))
    }
}

/// Reads a request and answers it; nothing when there are no more.
fn take(stream: &TcpStream, taken: &Mutex<Vec<ResourceSpans>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    assert_eq!(first.trim(), "POST /v1/traces HTTP/1.1");
    let sent = ExportTraceServiceRequest::decode(&*body).expect("spans in protobuf");
    taken.lock().ok()?.extend(sent.resource_spans);
    (&mut &*stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()
}
