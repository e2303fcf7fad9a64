//! Mail, where a server for it is set: links to set a new password, and alerts.

use std::fmt;
use std::time::Duration;

use anyhow::Context;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::hidden::Hidden;

/// A mail server that takes longer counts as down.
const WITHIN: Duration = Duration::from_secs(20);

/// Sends mail.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// The mail server of `SMTP_URL`; nothing is connected to yet.
///
/// # Errors
/// Fails if it is not the URL of one.
pub fn transport(smtp_url: &Hidden) -> anyhow::Result<AsyncSmtpTransportBuilder> {
    // Its error may repeat the URL, and with it the password.
    AsyncSmtpTransport::<Tokio1Executor>::from_url(smtp_url.expose())
        .ok()
        .context("SMTP_URL is not one; it looks like smtps://user:password@host")
}

/// The sender of mail, as `MAIL_FROM` says.
///
/// # Errors
/// Fails if that is not an address.
pub fn sender(mail_from: &str) -> anyhow::Result<Mailbox> {
    mail_from.parse().ok().context(
        "MAIL_FROM is not an address; it looks like bi@example.org or Adaptive BI <bi@example.org>",
    )
}

/// A mail that the server did not take.
#[derive(Debug)]
pub struct Unsent {
    /// Why.
    pub error: anyhow::Error,
    /// Whether it never will.
    pub is_permanent: bool,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").finish_non_exhaustive()
    }
}

impl Mailer {
    /// A mailer for `SMTP_URL` and `MAIL_FROM`; nothing is sent yet.
    ///
    /// # Errors
    /// Fails if either is not valid.
    pub fn new(smtp_url: &Hidden, from: &str) -> anyhow::Result<Self> {
        let (builder, from) = (transport(smtp_url)?, sender(from)?);
        Ok(Mailer { transport: builder.timeout(Some(WITHIN)).build(), from })
    }

    /// Sends a link to set a new password.
    ///
    /// # Errors
    /// Fails if the mail server does not take it.
    pub async fn send_reset(&self, to: &str, link: &str) -> anyhow::Result<()> {
        let text = format!(
            "Somebody, hopefully you, asked for a new password for your account.\n\n\
             To set one, open\n\n    {link}\n\nwithin 24 hours. It works once. If you did not ask, \
             there is nothing to do: your password stays as it is.\n"
        );
        let message = self.begin(to)?.subject("A new password");
        let message = message.body(text).context("writing a mail")?;
        self.transport.send(message).await.context("sending a mail")?;
        Ok(())
    }

    /// Sends an alert. Mails of the same `id` are the same mail, to whoever looks at Message-IDs.
    ///
    /// # Errors
    /// Fails if the mail server does not take it.
    pub async fn send_alert(
        &self,
        to: &str,
        id: &str,
        subject: &str,
        text: String,
    ) -> Result<(), Unsent> {
        let never = |error| Unsent { error, is_permanent: true };
        let id = format!("<{id}@{}>", self.from.email.domain());
        let message = self.begin(to).map_err(never)?.message_id(Some(id)).subject(subject);
        let message = message.body(text).context("writing a mail").map_err(never)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let is_permanent = error.is_permanent();
                Err(Unsent { error: error.into(), is_permanent })
            }
        }
    }

    fn begin(&self, to: &str) -> anyhow::Result<MessageBuilder> {
        let to = to.parse().context("the account's e-mail is not an address")?;
        Ok(Message::builder().from(self.from.clone()).to(to))
    }
}
