//! The account of one request: put down when the last byte of its answer has been sent, or its client is gone.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use entity::{Counts, Usage};
use uuid::Uuid;

use crate::limits::Permit;

/// What is known of a request when its answer begins.
#[derive(Debug)]
pub struct Account {
    /// Whose it was.
    pub tenant: Uuid,
    /// What it is answered with.
    pub status: StatusCode,
    /// Bytes of its body.
    pub received: u64,
    /// Whether the answer's body is sent: not to `HEAD`.
    pub is_sent: bool,
    /// Its share of what the tenant may send at the same time: given back with the end of the answer.
    pub permit: Option<Permit>,
}

/// The body of an answer, counted as it is sent.
pub struct Metered {
    body: BoxBody,
    sent: u64,
    account: Account,
    usage: Usage,
}

impl Metered {
    /// Counts for this account.
    pub fn new(body: BoxBody, account: Account, usage: Usage) -> Self {
        Self { body, sent: 0, account, usage }
    }
}

impl MessageBody for Metered {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &polled
            && self.account.is_sent
        {
            self.sent += bytes.len() as u64;
        }
        polled
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        let status = self.account.status;
        self.usage.add(
            self.account.tenant,
            Counts {
                requests: 1,
                errors: u64::from(status.is_server_error()),
                refused: u64::from(status == StatusCode::TOO_MANY_REQUESTS),
                bytes_in: self.account.received,
                bytes_out: self.sent,
                ..Counts::default()
            },
        );
    }
}
