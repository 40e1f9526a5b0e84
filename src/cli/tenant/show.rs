//! Tenants on a screen, or for machines exactly as the API shows them.

use chrono::{DateTime, SecondsFormat, Utc};
use entity::{Certificate, Tenant};

use crate::cli::{Failure, output};
use crate::tenants::CertificateView;
use crate::tenants::views::TenantView;

pub(super) fn one(tenant: Tenant, json: bool) -> Result<(), Failure> {
    if json {
        return output::print_json(&TenantView::from(tenant));
    }
    for (label, value) in [
        ("id", tenant.id.to_string()),
        ("slug", tenant.slug),
        ("name", tenant.name),
        ("status", tenant.status.to_string()),
        ("isolation", tenant.isolation.to_string()),
        ("datastore", or_dash(tenant.datastore.unwrap_or_default())),
        ("domains", or_dash(tenant.domains.0.join(", "))),
        ("limits", serde_json::to_string(&tenant.limits)?),
        ("schema version", tenant.schema_version.to_string()),
        ("created", time(tenant.created_at)),
        ("updated", time(tenant.updated_at)),
    ] {
        output::print(&format!("{label:15} {value}"))?;
    }
    Ok(())
}

pub(super) fn many(tenants: Vec<Tenant>, json: bool) -> Result<(), Failure> {
    if json {
        return output::print_json(&tenants.into_iter().map(TenantView::from).collect::<Vec<_>>());
    }
    let row = |tenant: &Tenant| {
        [
            tenant.slug.clone(),
            tenant.status.to_string(),
            tenant.isolation.to_string(),
            time(tenant.created_at),
            tenant.id.to_string(),
            tenant.name.clone(),
        ]
    };
    let headings = ["slug", "status", "isolation", "created", "id", "name"];
    output::print_table(headings, &tenants.iter().map(row).collect::<Vec<_>>())
}

/// What was destroyed.
pub(super) fn certificate(certificate: Certificate, json: bool) -> Result<(), Failure> {
    if json {
        return output::print_json(&CertificateView::from(certificate));
    }
    output::print(&format!(
        "{} ({}) is destroyed: everything in its {}{}",
        certificate.slug,
        certificate.tenant_id,
        certificate.place,
        certificate.datastore.map(|datastore| format!(" on {datastore}")).unwrap_or_default()
    ))?;
    for table in certificate.destroyed {
        output::print(&format!("{:16} {} rows", table.table, table.rows))?;
    }
    output::print(&format!("{:16} {}", "purged", time(certificate.purged_at)))?;
    output::print(&format!("{:16} {}", "asked for by", certificate.requested_by))
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}
