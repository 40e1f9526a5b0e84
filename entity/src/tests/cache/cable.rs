//! The cable between one process and Redis.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// While it is cut, connections end and new ones come to nothing.
pub(super) struct Cable {
    pub(super) url: String,
    /// Into which server it is plugged.
    server: Arc<Mutex<Option<String>>>,
}

impl Cable {
    /// Must be called on the runtime that it is to live on.
    pub(super) async fn plugged_into(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        let server = Arc::new(Mutex::new(Some(server)));
        let plugged = Arc::clone(&server);
        tokio::spawn(async move {
            let (mut connections, mut before) = (JoinSet::new(), None);
            loop {
                let accepted = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await;
                let now = plugged.lock().unwrap().clone();
                if now != before {
                    connections.shutdown().await;
                    before = now.clone();
                }
                if let (Ok(Ok((mut near, _))), Some(server)) = (accepted, now) {
                    connections.spawn(async move {
                        if let Ok(mut far) = TcpStream::connect(server).await {
                            let _ = copy_bidirectional(&mut near, &mut far).await;
                        }
                    });
                }
            }
        });
        Self { url, server }
    }

    pub(super) fn cut(&self) {
        *self.server.lock().unwrap() = None;
    }

    pub(super) fn plug_into(&self, server: String) {
        *self.server.lock().unwrap() = Some(server);
    }
}
