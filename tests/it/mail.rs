//! A mail server: it takes mails by SMTP, and hands them to the test.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Starts the server; returns its URL, and the mails as they come.
pub async fn server() -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("smtp://{}", listener.local_addr().expect("an address"));
    let (mails, received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let mails = mails.clone();
            tokio::spawn(async move {
                // A client may hang up whenever it likes.
                let _ = converse(connection, &mails).await;
            });
        }
    });
    (url, received)
}

async fn converse(
    connection: TcpStream,
    mails: &mpsc::UnboundedSender<String>,
) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    connection.write_all(b"220 mail.example.org\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if connection.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let reply: &[u8] = match line.get(..4).unwrap_or_default().to_uppercase().as_str() {
            "DATA" => {
                connection.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    if connection.read_line(&mut mail).await? == 0 {
                        return Ok(());
                    }
                }
                let _ = mails.send(mail);
                b"250 taken\r\n"
            }
            "QUIT" => {
                connection.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => b"250 fine\r\n",
        };
        connection.write_all(reply).await?;
    }
}
