//! HTTP over the daemon's Unix socket.

use std::{
    os::unix::net::UnixStream as StdStream,
    path::{Path, PathBuf},
};

use edgecoder_protocol::operator::ErrorObject;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;

use super::failure::{Failure, INTERNAL, UNREACHABLE};

/// Bytes of an answer: a bundle in base64 and room for the rest.
const ANSWER_MAX: usize = 128 << 20;

/// A daemon, by its socket. Each request is a connection of its own: requests may run in parallel.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// The daemon at `socket`, if one listens there.
    pub fn connect(socket: &Path) -> std::io::Result<Self> {
        StdStream::connect(socket)?;
        Ok(Self {
            socket: socket.to_owned(),
        })
    }

    /// `GET`s a JSON answer.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let response = self.send("GET", path, Bytes::new()).await?;
        read(&collect(response).await?)
    }

    /// `POST`s a JSON request for a JSON answer.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(|error| odd(&error))?;
        self.post_bytes(path, body).await
    }

    /// `POST`s bytes for a JSON answer.
    pub async fn post_bytes<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Failure> {
        let response = self.send("POST", path, body.into()).await?;
        read(&collect(response).await?)
    }

    /// `GET`s lines of JSON as they come.
    pub async fn lines(&self, path: &str) -> Result<Lines, Failure> {
        let body = self.send("GET", path, Bytes::new()).await?;
        Ok(Lines {
            body,
            rest: Vec::new(),
        })
    }

    async fn send(&self, method: &str, path: &str, body: Bytes) -> Result<Incoming, Failure> {
        let gone = |error: &dyn std::fmt::Display| {
            let next =
                "try again; if it happens again, `edgecoder doctor` and the daemon's log say more";
            Failure::new(UNREACHABLE, format!("the daemon went away: {error}"), next)
        };
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| gone(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| gone(&error))?;
        // Ends with the connection, which ends with the answer's body or this process.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "edgecoderd")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| odd(&error))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| gone(&error))?;
        checked(response).await
    }
}

/// The body of a good answer; an [`ErrorObject`] becomes a failure.
async fn checked(response: Response<Incoming>) -> Result<Incoming, Failure> {
    let status = response.status();
    let body = response.into_body();
    if status.is_success() {
        return Ok(body);
    }
    let bytes = collect(body).await?;
    match serde_json::from_slice::<ErrorObject>(&bytes) {
        Ok(error) => Err(error.into()),
        Err(_) if status == StatusCode::PAYLOAD_TOO_LARGE => Err(Failure::new(
            super::failure::USAGE,
            "the request is larger than the daemon accepts",
            "send smaller files",
        )),
        Err(_) => Err(odd(&format!("status {status}"))),
    }
}

async fn collect(body: Incoming) -> Result<Bytes, Failure> {
    let limited = http_body_util::Limited::new(body, ANSWER_MAX);
    let collected = limited.collect().await.map_err(|error| odd(&error))?;
    Ok(collected.to_bytes())
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| odd(&error))
}

fn odd(error: &dyn std::fmt::Display) -> Failure {
    let next = "the daemon may be of another version: `edgecoder daemon stop`, then try again";
    Failure::new(
        INTERNAL,
        format!("the daemon's answer cannot be used: {error}"),
        next,
    )
}

/// Lines of JSON as they come.
pub struct Lines {
    body: Incoming,
    rest: Vec<u8>,
}

impl Lines {
    /// The next line's value; `None` at the end.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Failure> {
        let line = self.next_line().await?;
        line.map(|line| read(line.as_bytes())).transpose()
    }

    /// The next line; `None` at the end.
    pub async fn next_line(&mut self) -> Result<Option<String>, Failure> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.rest.drain(..=end).collect();
                line.pop();
                if !line.is_empty() {
                    return String::from_utf8(line)
                        .map(Some)
                        .map_err(|error| odd(&error));
                }
                // An empty line only says that the daemon lives.
                continue;
            }
            if self.rest.len() > ANSWER_MAX {
                return Err(odd(&"a line is too long"));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        self.rest.extend_from_slice(bytes);
                    }
                }
                // The daemon was stopped or killed: the caller asks again from its cursor.
                Some(Err(_)) => return Ok(None),
            }
        }
    }
}
