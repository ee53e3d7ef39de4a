//! Who may be connected, and for how long.
//!
//! In: a listening socket. Out: requests for the router. A client that does not send its request in
//! time is cut off; one that opens too many connections loses the oldest that does nothing, or is
//! told to come back. At the end no new ones come in, and those at work may finish.

use super::error::ApiError;
use super::{App, routes};
use axum::Router;
use axum::body::Body;
use hyper::body::{Frame, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::Sleep;
use tower::util::MapRequestLayer;
use tower::{Layer, ServiceExt};

/// The head of a request has to be there after this; so long a connection may do nothing.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);

/// Requests that are at work may finish within this.
const GRACE: Duration = Duration::from_secs(8);

/// A client that takes nothing of its answer for so long is cut off.
const STALL_MAX: Duration = Duration::from_secs(15);

/// What a client still sends when its answer is written is read for so long, and dropped.
const LINGER: Duration = Duration::from_millis(1_500);

/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// One connection, seen from outside.
#[derive(Default)]
struct Seen {
    is_at_work: AtomicBool,
    /// It is to go.
    evicted: Notify,
}

/// All connections, by client.
#[derive(Default)]
struct Table {
    clients: HashMap<IpAddr, Vec<Arc<Seen>>>,
    all: usize,
}

/// The connections that are open.
struct Connections {
    all_max: usize,
    per_client_max: usize,
    table: Mutex<Table>,
}

impl Connections {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in, in the place of an idle one if there are too many; `None` if not.
    fn enter(self: &Arc<Self>, client: IpAddr) -> Option<Entry> {
        let mut table = self.table();
        if table.all >= self.all_max {
            return None;
        }
        let own = table.clients.entry(client).or_default();
        if own.len() >= self.per_client_max {
            let idle = own.iter().position(|seen| !seen.is_at_work.load(Ordering::Relaxed))?;
            own.remove(idle).evicted.notify_one();
            table.all -= 1;
        }
        let seen = Arc::<Seen>::default();
        table.clients.entry(client).or_default().push(Arc::clone(&seen));
        table.all += 1;
        Some(Entry { connections: Arc::clone(self), client, seen })
    }
}

/// A place in the table, given back at the end.
struct Entry {
    connections: Arc<Connections>,
    client: IpAddr,
    seen: Arc<Seen>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut table = self.connections.table();
        let Some(own) = table.clients.get_mut(&self.client) else { return };
        let before = own.len();
        own.retain(|other| !Arc::ptr_eq(other, &self.seen));
        let removed = before - own.len();
        if own.is_empty() {
            table.clients.remove(&self.client);
        }
        table.all -= removed;
    }
}

/// Serves until the end is asked for, and then what is at work.
pub(super) async fn serve(app: App, listener: TcpListener, mut ending: watch::Receiver<bool>) {
    let router = routes::router(app.clone());
    let connections = Arc::new(Connections {
        all_max: app.connections_max.max(1),
        per_client_max: app.connections_per_client_max.max(1),
        table: Mutex::default(),
    });
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ending.wait_for(|is_ending| *is_ending) => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        // Small answers go at once.
        let _ = stream.set_nodelay(true);
        let entry = connections.enter(address.ip());
        let (router, ending, app) = (router.clone(), ending.clone(), app.clone());
        let open = Arc::clone(&open);
        open.fetch_add(1, Ordering::Relaxed);
        app.metrics.connections.inc();
        tokio::spawn(async move {
            match entry {
                Some(entry) => drive(router, stream, &entry.seen, ending).await,
                None => turn_away(stream).await,
            }
            app.metrics.connections.dec();
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
    drop(listener);
    let finished = async {
        while open.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(GRACE, finished).await.is_err() {
        tracing::warn!("connections were cut off");
    }
}

/// Too many open files come and go; a loop would not help.
async fn pause_after(error: &io::Error) {
    let passing = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionRefused,
    ];
    if !passing.contains(&error.kind()) {
        tracing::warn!(kind = %error.kind(), "no connection can be accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// One connection's life.
async fn drive(
    router: Router,
    stream: TcpStream,
    seen: &Arc<Seen>,
    mut ending: watch::Receiver<bool>,
) {
    let begun = Arc::clone(seen);
    let router = MapRequestLayer::new(move |request: hyper::Request<hyper::body::Incoming>| {
        begun.is_at_work.store(true, Ordering::Relaxed);
        request.map(Body::new)
    })
    .layer(router);
    let ended = Arc::clone(seen);
    let router = router.map_response(move |response: axum::response::Response| {
        let at_work = AtWork(Arc::clone(&ended));
        response.map(|body| Body::new(Answer { body, _at_work: at_work }))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Lingering::new(stream)), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // What goes wrong on a connection is the client's matter.
        _ = connection.as_mut() => return,
        () = seen.evicted.notified() => return,
        _ = ending.wait_for(|is_ending| *is_ending) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// A connection is at work until the whole answer is written.
struct AtWork(Arc<Seen>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.is_at_work.store(false, Ordering::Relaxed);
    }
}

/// The body of an answer.
struct Answer {
    body: Body,
    _at_work: AtWork,
}

impl hyper::body::Body for Answer {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that goes on reading for a moment when all is said: a client that is still sending
/// would otherwise be cut off before it has read the answer.
///
/// And one that does not wait for ever to be read from: a client that takes nothing of an answer
/// for some time is cut off.
struct Lingering {
    stream: TcpStream,
    until: Option<Pin<Box<Sleep>>>,
    /// Set while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Lingering {
    fn new(stream: TcpStream) -> Lingering {
        Lingering { stream, until: None, stalled: None }
    }

    /// What a write came to: one that waits does so for a while only.
    fn written(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let fresh = || Box::pin(tokio::time::sleep(STALL_MAX));
        ready!(self.stalled.get_or_insert_with(fresh).as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.until.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.until = Some(Box::pin(tokio::time::sleep(LINGER)));
        }
        let Lingering { stream, until, .. } = &mut *self;
        if until.as_mut().is_none_or(|until| until.as_mut().poll(context).is_ready()) {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; 16 << 10];
        // To the end of the stream, or an error.
        loop {
            let mut rest = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut *stream).poll_read(context, &mut rest)) {
                Ok(()) if !rest.filled().is_empty() => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Tells a client to come back.
async fn turn_away(mut stream: TcpStream) {
    let error = ApiError::unavailable("too_many_connections", "Too many connections");
    let body = error.body();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let answer = [head.as_bytes(), &body].concat();
    let sent = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await
    };
    // A client that does not listen misses it.
    let _ = tokio::time::timeout(Duration::from_secs(1), sent).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_makes_room() {
        let connections =
            Arc::new(Connections { all_max: 3, per_client_max: 2, table: Mutex::default() });
        let client = IpAddr::from([127, 0, 0, 1]);
        let first = connections.enter(client).unwrap();
        let second = connections.enter(client).unwrap();
        first.seen.is_at_work.store(true, Ordering::Relaxed);
        second.seen.is_at_work.store(true, Ordering::Relaxed);
        assert!(connections.enter(client).is_none());
        assert!(connections.enter(IpAddr::from([127, 0, 0, 2])).is_some());
        second.seen.is_at_work.store(false, Ordering::Relaxed);
        let third = connections.enter(client).unwrap();
        drop(second);
        assert_eq!(connections.table().all, 2);
        drop((first, third));
        assert_eq!(connections.table().all, 0);
        assert!(connections.table().clients.is_empty());
    }
}
