//! What tenants used, as it is asked for and shown.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use entity::{Counts, Stored, StoredByAll, TableSize, UsageHour};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::http::time::{micros, rfc3339_if_any};

/// What of the time that is kept is asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatsQuery {
    /// Only hours that begin at this time or later.
    #[serde(default, deserialize_with = "rfc3339_if_any")]
    pub(super) from: Option<DateTime<Utc>>,
    /// Only hours that begin before this time.
    #[serde(default, deserialize_with = "rfc3339_if_any")]
    pub(super) to: Option<DateTime<Utc>>,
    /// Also show each hour, or each day in UTC, in which there was anything.
    #[param(inline)]
    pub(super) by: Option<Step>,
}

/// Over how long usage is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// An hour.
    Hour,
    /// A day in UTC.
    Day,
}

/// What one tenant has and used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TenantStats)]
pub struct TenantStatsView {
    tenant_id: Uuid,
    /// The tenant's short name.
    #[schema(example = "acme")]
    slug: String,
    /// What it has now.
    tables: Vec<TableView>,
    #[serde(flatten)]
    usage: UsageView,
}

/// What all tenants have and used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stats)]
pub struct StatsView {
    /// What all tenants together have now, as far as their places answered.
    tables: Vec<TableView>,
    /// What did not answer in time: tenants with places of their own by their slugs, and servers as `datastore:NAME`.
    missing: Vec<String>,
    #[serde(flatten)]
    usage: UsageView,
}

/// What there is in one table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TableSize)]
pub struct TableView {
    /// Which table.
    #[schema(example = "posts")]
    table: &'static str,
    /// How many rows.
    rows: u64,
    /// How many bytes their texts had as they were sent.
    bytes: u64,
}

/// What was used, in all and, if asked for, by time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Usage)]
pub struct UsageView {
    #[serde(flatten)]
    total: CountsView,
    /// With `by`: the parts that had anything, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Vec<PartView>>,
}

/// What was used in an hour or a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsagePart)]
pub struct PartView {
    /// The beginning of the hour or day.
    #[serde(serialize_with = "micros")]
    begins_at: DateTime<Utc>,
    #[serde(flatten)]
    counts: CountsView,
}

/// What was used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageCounts)]
pub struct CountsView {
    /// Requests that were answered.
    requests: u64,
    /// Of these, with a fault of the service (5xx).
    errors: u64,
    /// Of these, refused because the tenant sent too much (429).
    refused: u64,
    /// Bytes of bodies that were taken in.
    bytes_in: u64,
    /// Bytes of bodies that were sent, compressed if they were.
    bytes_out: u64,
    /// For how long database connections were held.
    database_ms: f64,
    /// Answers that the cache had.
    cache_hits: u64,
}

impl TenantStatsView {
    /// Puts together what is known of the tenant.
    pub fn new(tenant: &entity::Tenant, stored: Stored, usage: UsageView) -> Self {
        Self { tenant_id: tenant.id, slug: tenant.slug.clone(), tables: tables(stored), usage }
    }
}

impl StatsView {
    /// Puts together what is known of all tenants.
    pub fn new(stored: StoredByAll, usage: UsageView) -> Self {
        Self { tables: tables(stored.tables), missing: stored.missing, usage }
    }
}

fn tables(stored: Stored) -> Vec<TableView> {
    let view = |TableSize { table, rows, bytes }| TableView { table, rows, bytes };
    stored.into_iter().map(view).collect()
}

impl UsageView {
    /// Sums up hours, which come in order.
    pub fn new(hours: &[UsageHour], by: Option<Step>) -> Self {
        let mut total = Counts::default();
        hours.iter().for_each(|hour| total += hour.counts);
        let usage = by.map(|step| parts(hours, step).into_iter().map(PartView::from).collect());
        Self { total: total.into(), usage }
    }
}

/// The hours themselves, or those of each day together.
fn parts(hours: &[UsageHour], step: Step) -> Vec<UsageHour> {
    let mut parts: Vec<UsageHour> = Vec::new();
    for hour in hours {
        let begins = if step == Step::Day { day_of(hour.hour) } else { hour.hour };
        match parts.last_mut().filter(|part| part.hour == begins) {
            Some(part) => part.counts += hour.counts,
            None => parts.push(UsageHour { hour: begins, counts: hour.counts }),
        }
    }
    parts
}

fn day_of(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::days(1)).unwrap_or(time)
}

impl From<UsageHour> for PartView {
    fn from(part: UsageHour) -> Self {
        Self { begins_at: part.hour, counts: part.counts.into() }
    }
}

impl From<Counts> for CountsView {
    fn from(counts: Counts) -> Self {
        let Counts { requests, errors, refused, bytes_in, bytes_out, database_micros, cache_hits } = counts;
        Self {
            requests,
            errors,
            refused,
            bytes_in,
            bytes_out,
            database_ms: database_micros as f64 / 1000.0,
            cache_hits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_sums_of_their_hours() {
        let hour = |hour: &str, requests| UsageHour {
            hour: hour.parse().unwrap(),
            counts: Counts { requests, ..Counts::default() },
        };
        let hours = [hour("2026-01-01T22:00:00Z", 1), hour("2026-01-01T23:00:00Z", 2), hour("2026-01-02T00:00:00Z", 4)];
        let days = parts(&hours, Step::Day);
        assert_eq!(days, [hour("2026-01-01T00:00:00Z", 3), hour("2026-01-02T00:00:00Z", 4)]);
        assert_eq!(parts(&hours, Step::Hour), hours);
        let view = serde_json::to_value(UsageView::new(&hours, None)).unwrap();
        assert_eq!((view["requests"].as_u64(), view.get("usage")), (Some(7), None));
    }
}
