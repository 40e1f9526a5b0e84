//! What a run of migrations did, for people or for machines.

use entity::migrate::{MigrationStatus, Report};

use crate::cli::{Failure, one_line, output};

/// Prints the report. It is a failure if anything failed, or was left.
pub(super) fn show(report: &Report, dry_run: bool, json: bool) -> Result<(), Failure> {
    if json {
        output::print_json(report)?;
    } else {
        lines(report, dry_run).iter().try_for_each(|line| output::print(line))?;
    }
    match (report.failed.len(), report.left) {
        (0, 0) => Ok(()),
        (failed, 0) => Err(format!("{failed} failed: once that is repaired, the next run goes on from here").into()),
        (failed, left) => Err(format!(
            "{failed} failed and {left} tenants were left: once that is repaired, the next run goes on from here"
        )
        .into()),
    }
}

fn lines(report: &Report, dry_run: bool) -> Vec<String> {
    let mut lines: Vec<_> = report.applied.iter().map(|one| applied(one, dry_run)).collect();
    match (report.tenants, dry_run) {
        (0, _) => {}
        (1, true) => lines.push("would migrate 1 tenant".to_owned()),
        (tenants, true) => lines.push(format!("would migrate {tenants} tenants")),
        (tenants, false) => lines.push(format!("migrated {} of {tenants} tenants", report.migrated)),
    }
    lines.extend(report.failed.iter().map(|one| format!("FAILED {}: {}", one.tenant, one_line(&one.error))));
    if report.left > 0 {
        lines.push(format!("left {} of {} tenants alone", report.left, report.tenants));
    }
    if lines.is_empty() {
        lines.push("nothing to do: the tables are of the newest version".to_owned());
    }
    lines
}

fn applied(one: &MigrationStatus, dry_run: bool) -> String {
    let verb = if dry_run { "would apply" } else { "applied" };
    match &one.datastore {
        Some(datastore) => format!("{verb} {} {} on {datastore}", one.set, one.name),
        None => format!("{verb} {} {}", one.set, one.name),
    }
}

#[cfg(test)]
mod tests {
    use entity::migrate::TenantFailure;

    use super::*;

    #[test]
    fn nothing_is_said_in_a_sentence_and_everything_in_lines() {
        let nothing = Report::default();
        assert_eq!(lines(&nothing, false), ["nothing to do: the tables are of the newest version"]);
        let failed = vec![TenantFailure { tenant: "acme".to_owned(), error: "out\nof order".to_owned() }];
        let report = Report { tenants: 5, migrated: 3, failed, left: 1, ..nothing };
        let said = ["migrated 3 of 5 tenants", "FAILED acme: out of order", "left 1 of 5 tenants alone"];
        assert_eq!(lines(&report, false), said);
        assert_eq!(lines(&Report { tenants: 5, ..Report::default() }, true), ["would migrate 5 tenants"]);
    }
}
