//! The forms that values come in. Each parser answers `None` for what it does not take; the
//! variable's entry in `config.rs` says in words what that is.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use actix_web::http::Uri;
use tracing_subscriber::EnvFilter;

use super::Resolver;

const LONGEST: Duration = Duration::from_secs(3600);
const LARGEST: usize = 1 << 30;

/// `30s`, `1m 30s`, `500ms`: at least as long as given, and no longer than an hour.
pub(super) fn duration(text: &str, shortest: Duration) -> Option<Duration> {
    let duration = humantime::parse_duration(text).ok()?;
    (shortest..=LONGEST).contains(&duration).then_some(duration)
}

/// `90days`, `1year`: from a day to ten years.
pub(super) fn days(text: &str) -> Option<Duration> {
    let duration = humantime::parse_duration(text).ok()?;
    let day = Duration::from_secs(86_400);
    (day..=day * 3_660).contains(&duration).then_some(duration)
}

/// A whole number within bounds.
pub(super) fn whole<N: FromStr + PartialOrd>(text: &str, bounds: RangeInclusive<N>) -> Option<N> {
    text.parse().ok().filter(|number| bounds.contains(number))
}

/// `2MiB`, `500kB`, `4096`: in bytes, at least one.
pub(super) fn size(text: &str) -> Option<usize> {
    let size = usize::try_from(entity::size_in_bytes(text)?).ok()?;
    (1..=LARGEST).contains(&size).then_some(size)
}

/// Items between commas, blanks around them ignored; at least one, and all of them good.
pub(super) fn list<T, C: FromIterator<T>>(text: &str, item: impl Fn(&str) -> Option<T>) -> Option<C> {
    text.split(',').map(|part| item(part.trim())).collect()
}

/// The origin of a page as a browser sends it: scheme, host and port, nothing else.
pub(super) fn origin(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?.as_str();
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    let origin = format!("{scheme}://{authority}").to_ascii_lowercase();
    (origin == text.to_ascii_lowercase() && !authority.contains('@')).then_some(origin)
}

/// The address of a collector of traces, without encryption: it is beside the server. A path is kept.
pub(super) fn collector(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let fine = uri.scheme_str() == Some("http") && uri.query().is_none() && !uri.authority()?.as_str().contains('@');
    fine.then(|| text.trim_end_matches('/').to_owned())
}

/// A host name, in lower case.
pub(super) fn domain(text: &str) -> Option<String> {
    let labels: Option<Vec<_>> = text.split('.').map(label).collect();
    labels.map(|labels| labels.join("."))
}

/// One label of a host name, which is also what a slug is made of, in lower case.
pub(super) fn label(text: &str) -> Option<String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let fits = (1..=63).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-');
    (fits && text.chars().all(good)).then(|| text.to_ascii_lowercase())
}

pub(super) fn resolver(text: &str) -> Option<Resolver> {
    match text {
        "token" => Some(Resolver::Token),
        "subdomain" => Some(Resolver::Subdomain),
        "header" => Some(Resolver::Header),
        "path" => Some(Resolver::Path),
        _ => None,
    }
}

/// Kept as text once it is known to parse: the filter itself cannot be cloned.
pub(super) fn log_filter(text: &str) -> Option<String> {
    EnvFilter::builder().parse(text).ok().map(|_| text.to_owned())
}
