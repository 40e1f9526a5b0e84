//! One request, one answer.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// A request that is being put together.
#[must_use]
pub(crate) struct Call(RequestBuilder);

impl Call {
    pub(super) fn new(builder: RequestBuilder) -> Self {
        Self(builder)
    }

    /// With this token.
    pub(crate) fn bearer(self, token: &str) -> Self {
        Self(self.0.bearer_auth(token))
    }

    /// With this header, beside others of the same name. `Host` replaces the real one.
    pub(crate) fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        Self(self.0.header(name, value.as_ref()))
    }

    /// With these parameters after the path's own.
    pub(crate) fn query(self, parameters: &[(&str, &str)]) -> Self {
        Self(parameters.iter().fold(self.0, |builder, pair| builder.query(&[pair])))
    }

    /// With this body as JSON.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    /// With this body.
    pub(crate) fn text(self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.header("content-type", content_type).body(body))
    }

    /// Sends it and reads the whole answer.
    pub(crate) async fn send(self) -> Answer {
        let response = self.0.send().await.expect("the application answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the answer arrives whole");
        Answer { status, headers, text }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// All headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) text: String,
}

impl Answer {
    /// Goes on only with this status; the body of any other one is shown.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Goes on only with this refusal, in the form that every refusal has.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.text);
        self
    }

    /// Goes on only with this status and, for a refusal, code; a failure tells which `case` it was.
    #[track_caller]
    pub(crate) fn is(self, due: (u16, &str), case: &str) -> Self {
        assert_eq!((self.status, self.code().as_str()), due, "{case}: {}", self.text);
        self
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} without JSON: {}", self.status, self.text))
    }

    /// The problem's `code`; empty if the answer is no refusal. Checks that a refusal is a whole one.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        if self.status < 400 {
            return String::new();
        }
        let problem = self.json();
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{problem}");
        assert_eq!(problem["status"], self.status, "{problem}");
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"), "{problem}");
        problem["code"].as_str().expect("a problem has a code").to_owned()
    }

    /// One header, if it is there and text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The entity tag.
    #[track_caller]
    pub(crate) fn etag(&self) -> String {
        self.header("etag").expect("an ETag").to_owned()
    }

    /// The rows of a list.
    #[track_caller]
    pub(crate) fn data(&self) -> Vec<Value> {
        self.json()["data"].as_array().expect("a list").clone()
    }

    /// Status and body without what differs from request to request: what two answers are compared by.
    pub(crate) fn essence(&self) -> (u16, String) {
        let Ok(Value::Object(mut body)) = serde_json::from_str(&self.text) else {
            return (self.status, self.text.clone());
        };
        body.remove("request_id");
        (self.status, Value::Object(body).to_string())
    }
}
