//! As much of HTTP/1.1 as a backend on loopback needs: a request with a length, and an answer in JSON.

use std::io::{self, BufRead, ErrorKind, Read, Write};

use flate2::read::GzDecoder;

/// A request whose body was read and, where need be, decompressed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) authorization: String,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// `None` where the connection ended instead.
    pub(super) fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(first) = line(stream)? else { return Ok(None) };
        let mut words = first.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let mut request = Self { method: word(), path: word(), ..Self::default() };
        let (mut length, mut is_gzip) = (0, false);
        loop {
            let header = line(stream)?.ok_or(ErrorKind::UnexpectedEof)?;
            let Some((name, value)) = header.split_once(':') else { break };
            match (name.to_ascii_lowercase().as_str(), value.trim()) {
                ("content-length", value) => length = value.parse().map_err(|_| ErrorKind::InvalidData)?,
                ("content-encoding", value) => is_gzip = value == "gzip",
                ("authorization", value) => value.clone_into(&mut request.authorization),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        if is_gzip {
            GzDecoder::new(body.as_slice()).read_to_end(&mut request.body)?;
        } else {
            request.body = body;
        }
        Ok(Some(request))
    }
}

/// A line without its end.
fn line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let length = stream.read_line(&mut line)?;
    Ok((length > 0).then(|| line.trim_end().to_owned()))
}

/// An answer as it goes over the wire.
pub(super) fn answer(status: &str, body: &str) -> Vec<u8> {
    let mut answer = Vec::with_capacity(body.len() + 128);
    let length = body.len();
    // Writing to memory does not fail.
    let _ =
        write!(answer, "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    #[test]
    fn requests_follow_one_another_on_a_connection() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(b"{}").unwrap();
        let gzip = gzip.finish().unwrap();
        let mut wire = format!("POST /a HTTP/1.1\r\nContent-Encoding: gzip\r\ncontent-length: {}\r\n\r\n", gzip.len())
            .into_bytes();
        wire.extend(gzip);
        wire.extend(b"POST /b HTTP/1.1\r\nauthorization: Bearer k\r\ncontent-length: 1\r\n\r\nx");
        let mut wire = wire.as_slice();
        let first = Request::read(&mut wire).unwrap().unwrap();
        assert_eq!((first.path.as_str(), first.body.as_slice()), ("/a", &b"{}"[..]));
        let second = Request::read(&mut wire).unwrap().unwrap();
        assert_eq!((second.authorization.as_str(), second.body.as_slice()), ("Bearer k", &b"x"[..]));
        assert_eq!(Request::read(&mut wire).unwrap(), None);
    }
}
