//! A wire to PostgreSQL that can be listened to, and cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Between the program and PostgreSQL: counts how often the program stops to wait for an answer, and can withhold one.
pub(super) struct Wire {
    pub(super) port: u16,
    waits: Arc<AtomicUsize>,
    is_cut: Arc<AtomicBool>,
}

impl Wire {
    pub(super) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, waits) = (listener.local_addr().unwrap().port(), Arc::<AtomicUsize>::default());
        let is_cut = Arc::<AtomicBool>::default();
        let (counted, cut) = (Arc::clone(&waits), Arc::clone(&is_cut));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&server).await.unwrap();
                [&near, &far].into_iter().for_each(|end| end.set_nodelay(true).unwrap());
                let (counted, cut) = (Arc::clone(&counted), Arc::clone(&cut));
                tokio::spawn(async move {
                    let ((mut from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
                    // Either ends with the connection.
                    tokio::select! {
                        _ = answer(from_far, to_near, &cut) => {}
                        _ = forward(&mut from_near, to_far, &counted) => {}
                    }
                });
            }
        });
        Self { port, waits, is_cut }
    }

    /// The next answer does not arrive, nor does any other on its connection.
    pub(super) fn cut_at_the_next_answer(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }

    /// How many answers the work waits for.
    pub(super) async fn waits_of<T>(&self, work: impl Future<Output = T>) -> (usize, T) {
        let before = self.waits.load(Ordering::SeqCst);
        let done = work.await;
        (self.waits.load(Ordering::SeqCst) - before, done)
    }
}

/// Until it is cut: then both ends learn of it.
async fn answer(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    is_cut: &AtomicBool,
) -> std::io::Result<()> {
    let mut some = vec![0; 64 << 10];
    loop {
        let size = from.read(&mut some).await?;
        if size == 0 || is_cut.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        to.write_all(&some[..size]).await?;
    }
}

/// Message by message: the first ones have no type, see "Message Formats" in PostgreSQL's manual.
async fn forward(
    from: &mut (impl AsyncReadExt + Unpin),
    mut to: impl AsyncWriteExt + Unpin,
    waits: &AtomicUsize,
) -> std::io::Result<()> {
    const ENCRYPTION_WANTED: [u8; 4] = 80_877_103_u32.to_be_bytes();
    let mut has_begun = false;
    loop {
        let kind = if has_begun { Some(from.read_u8().await?) } else { None };
        let length = from.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        from.read_exact(&mut body).await?;
        has_begun |= body.get(..4) != Some(&ENCRYPTION_WANTED);
        if matches!(kind, Some(b'Q' | b'S')) {
            waits.fetch_add(1, Ordering::SeqCst);
        }
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend(length.to_be_bytes());
        message.extend(body);
        to.write_all(&message).await?;
    }
}
