//! The least HTTP that the operator API needs: one request on one connection of a Unix socket.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use serde_json::Value;

/// Status and body of the answer, or `None` when nobody answers to its end.
pub fn request(socket: &Path, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut stream = UnixStream::connect(socket).ok()?;
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: edgecoderd\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    request.push_str(&body);
    // A daemon may refuse, and hang up, before it has read all: what it said counts.
    stream.write_all(request.as_bytes()).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    // A daemon that dies while it answers leaves a part, which is no answer.
    let body = answer.get(end + 4..end + 4 + length.parse::<usize>().ok()?)?;
    Some((status, serde_json::from_slice(body).ok()?))
}
