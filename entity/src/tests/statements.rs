//! Looks at statements as they were sent: each one on a tenant's table must name the tenant where it counts.

use uuid::Uuid;

use super::Sent;

/// Whether every statement names this tenant.
pub(super) fn each_names(sent: &[Sent], tenant: Uuid) -> Result<(), String> {
    for (sql, values) in sent {
        names(sql, values, &tenant.to_string()).map_err(|why| format!("{why}: {sql} {values:?}"))?;
    }
    Ok(())
}

fn names(sql: &str, values: &[String], tenant: &str) -> Result<(), &'static str> {
    let (parts, last) = split_off_parts(sql)?;
    let mut known = Vec::new();
    for (name, part) in parts {
        one_names(part, &known, values, tenant)?;
        known.push(name);
    }
    one_names(last, &known, values, tenant)
}

/// A statement with the name of its result.
type Part<'s> = (&'s str, &'s str);

/// The named statements that one begins with, and what comes after them: `WITH "name" AS (...), "other" ("column") AS (...) ...`.
fn split_off_parts(sql: &str) -> Result<(Vec<Part<'_>>, &str), &'static str> {
    let (mut parts, mut rest) = (Vec::new(), sql);
    while let Some(part) = rest.strip_prefix(if parts.is_empty() { "WITH " } else { ", " }) {
        let (name, body) = part.split_once(" AS (").ok_or("a part without a statement")?;
        let end = closing(body).ok_or("a part without an end")?;
        parts.push((name.split(' ').next().unwrap_or(name), &body[..end]));
        rest = body[end + 1..].trim_start();
    }
    Ok((parts, rest))
}

/// Where the parenthesis is closed that was opened before this text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    text.char_indices().find_map(|(at, character)| {
        match character {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
        None
    })
}

/// Whether a statement names the tenant, or is made of nothing but the results of those that are known to.
fn one_names(sql: &str, known: &[&str], values: &[String], tenant: &str) -> Result<(), &'static str> {
    if sql.starts_with("INSERT") {
        inserted_rows_carry(sql, known, values, tenant)?;
        // A slot of the tally is found by a key that the tenant is a part of.
        let is_by_key = sql.contains(r#" ON CONFLICT ("tenant_id", "slot") DO UPDATE "#);
        return if sql.contains(" DO UPDATE ") && !is_by_key { where_holds(sql, values, tenant) } else { Ok(()) };
    }
    let mut sources = sql.split(" FROM ").skip(1).map(|from| from.split([' ', ')']).next().unwrap_or(from));
    if sql.starts_with("SELECT") && !known.is_empty() && sources.all(|source| known.contains(&source)) {
        return Ok(());
    }
    where_holds(sql, values, tenant)
}

/// `tenant_id` is the first column, and the first value of every row is the tenant.
fn inserted_rows_carry(sql: &str, known: &[&str], values: &[String], tenant: &str) -> Result<(), &'static str> {
    let (_, columns) = sql.split_once('(').ok_or("an insert without columns")?;
    let (columns, rest) = columns.split_once(')').ok_or("an insert without columns")?;
    if !columns.starts_with("\"tenant_id\"") {
        return Err("an insert without the tenant's column");
    }
    let is_tenant = |placeholder: &str| value_of(sql, placeholder, values).is_some_and(|value| value.contains(tenant));
    let carried = if let Some(row) = rest.strip_prefix(" SELECT ") {
        selected_row_carries(row, known, is_tenant)
    } else if let Some(arguments) = rest.strip_prefix(" VALUES (enter_place(") {
        arguments.split(", ").next().is_some_and(is_tenant)
    } else {
        let width = columns.split(", ").count();
        let rows = rest.split(" ON CONFLICT ").next().unwrap_or(rest).split(" RETURNING ").next().unwrap_or(rest);
        let rows = rows.matches("), (").count() + 1;
        values.chunks(width).take(rows).all(|row| row[0].contains(tenant))
    };
    if carried { Ok(()) } else { Err("an inserted row without the tenant") }
}

/// The first value is the tenant as it is bound, or as a known statement returned it.
fn selected_row_carries(row: &str, known: &[&str], is_tenant: impl Fn(&str) -> bool) -> bool {
    if let Some((_, from)) = row.strip_prefix("\"tenant_id\", ").and_then(|row| row.split_once(" FROM ")) {
        return known.contains(&from.split(' ').next().unwrap_or(from));
    }
    let bound = row
        .strip_prefix("CASE WHEN set_config('app.current_tenant_id', CAST(")
        .and_then(|row| row.split_once(" AS text), true) IS NOT NULL THEN "));
    bound.is_some_and(|(set, rest)| {
        rest.split_once(" END, ").is_some_and(|(value, _)| is_tenant(set) && is_tenant(value))
    })
}

/// The first `WHERE` holds the tenant's condition as a part of its outermost `AND`, with this tenant's value.
fn where_holds(sql: &str, values: &[String], tenant: &str) -> Result<(), &'static str> {
    let start = sql.find(" WHERE ").ok_or("a statement without WHERE")? + " WHERE ".len();
    let parts = outermost(&sql[start..]);
    if parts.iter().any(|(_, text)| *text == "OR") {
        return Err("an OR beside the tenant's condition");
    }
    let column = if sql.contains("\"tenants\"") { "\"tenants\".\"id\" " } else { "\"tenant_id\" " };
    let holds = parts.iter().any(|(at, text)| {
        let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        let text = inner.filter(|inner| !inner.contains(['(', ')']) && outermost(inner).len() == 1).unwrap_or(text);
        let Some((table, compared)) = text.split_once(column) else { return false };
        let Some(placeholder) = ["= ", "IS NOT DISTINCT FROM "].iter().find_map(|is| compared.strip_prefix(is)) else {
            return false;
        };
        let is_whole = table.is_empty() || (table.starts_with('"') && table.ends_with("\"."));
        let value = value_of(&sql[..start + at + text.len()], placeholder, values);
        is_whole && value.is_some_and(|value| value.contains(tenant))
    });
    if holds { Ok(()) } else { Err("a WHERE that does not hold the tenant's condition") }
}

/// The operands and words of a condition that are in no parentheses, with their places, up to the end of the clause.
fn outermost(clause: &str) -> Vec<(usize, &str)> {
    let mut depth = 0_usize;
    let end = clause.char_indices().find(|(at, character)| {
        let ends =
            |rest: &str| ["ORDER BY", "LIMIT", "RETURNING", "FOR UPDATE"].iter().any(|word| rest.starts_with(word));
        match character {
            '(' => depth += 1,
            ')' if depth == 0 => return true,
            ')' => depth -= 1,
            ' ' if depth == 0 => return ends(&clause[at + 1..]),
            _ => {}
        }
        false
    });
    split_at_words(&clause[..end.map_or(clause.len(), |(at, _)| at)])
}

fn split_at_words(clause: &str) -> Vec<(usize, &str)> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, character) in clause.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ' ' if depth == 0 => {
                for word in ["AND", "OR"] {
                    let spaced = format!(" {word} ");
                    if clause[at..].starts_with(&spaced) {
                        parts.push((start, &clause[start..at]));
                        parts.push((at + 1, &clause[at + 1..=at + word.len()]));
                        start = at + spaced.len();
                    }
                }
            }
            _ => {}
        }
    }
    parts.push((start, &clause[start..]));
    parts
}

/// `$7` is the seventh value; a `?` is as many as there are up to it.
fn value_of<'v>(up_to: &str, placeholder: &str, values: &'v [String]) -> Option<&'v String> {
    let number = match placeholder.strip_prefix('$') {
        Some(number) => number.parse().ok()?,
        None if placeholder == "?" => up_to.matches('?').count(),
        None => return None,
    };
    values.get(usize::checked_sub(number, 1)?)
}

#[test]
fn a_statement_that_could_be_widened_is_noticed() {
    let tenant = "aaaa";
    let values = ["'x'".to_owned(), "'aaaa'".to_owned()];
    let check = |sql: &str| names(sql, &values, tenant);
    assert!(check(r#"SELECT 1 FROM "users" WHERE "users"."id" = $1 AND "users"."tenant_id" = $2"#).is_ok());
    assert!(check(r#"SELECT 1 FROM "users" WHERE ("a" OR "b") AND "users"."tenant_id" = ? LIMIT ?"#).is_err());
    let slot = |bound: &str, tenant: &str| {
        format!(
            r#""entered" ("tenant_id") AS (INSERT INTO "tallies" ("tenant_id", "slot") SELECT CASE WHEN set_config('app.current_tenant_id', CAST({bound} AS text), true) IS NOT NULL THEN {tenant} END, $1 ON CONFLICT ("tenant_id", "slot") DO UPDATE SET "slot" = $1 RETURNING "tenant_id")"#
        )
    };
    let insert = |from: &str| format!(r#"INSERT INTO "users" ("tenant_id", "id") SELECT "tenant_id", $1 FROM {from}"#);
    assert_eq!(check(&format!(r#"WITH {} {}"#, slot("$2", "$2"), insert("\"entered\""))), Ok(()));
    for (bound, tenant, from) in [("$1", "$2", "entered"), ("$2", "$1", "entered"), ("$2", "$2", "users")] {
        assert!(check(&format!(r#"WITH {} {}"#, slot(bound, tenant), insert(&format!("\"{from}\"")))).is_err());
    }
    assert_eq!(check(r#"INSERT INTO "users" ("tenant_id", "id") VALUES (enter_place($2, $1), $1)"#), Ok(()));
    let changed = |tenant: &str, from: &str| {
        format!(
            r#"WITH "changed" AS (UPDATE "users" SET "name" = $1 WHERE "users"."tenant_id" IS NOT DISTINCT FROM {tenant} RETURNING "id") SELECT "id" FROM {from}"#
        )
    };
    assert_eq!(check(&changed("$2", "\"changed\"")), Ok(()));
    assert!(check(&changed("$1", "\"changed\"")).is_err());
    assert!(check(&changed("$2", "\"users\"")).is_err());
    let placed =
        r#"DELETE FROM "users" WHERE ("users"."tenant_id" IS NOT DISTINCT FROM $2) AND "users"."ctid" = (SELECT $1)"#;
    assert_eq!(check(placed), Ok(()));
    for leak in [
        r#"SELECT 1 FROM "users" WHERE "users"."id" = $1 OR "users"."tenant_id" = $2"#,
        r#"SELECT 1 FROM "users" WHERE ("users"."id" = $1 OR "users"."tenant_id" = $2)"#,
        r#"SELECT 1 FROM "users" WHERE NOT ("users"."id" = $1 AND "users"."tenant_id" = $2)"#,
        r#"SELECT 1 FROM "users" WHERE "users"."id" = $2 AND "users"."tenant_id" = $1"#,
        r#"DELETE FROM "users""#,
        r#"DELETE FROM "users" WHERE ("users"."tenant_id" IS DISTINCT FROM $2)"#,
        r#"DELETE FROM "users" WHERE ("users"."id" = $1 OR "users"."tenant_id" IS NOT DISTINCT FROM $2)"#,
        r#"DELETE FROM "users" WHERE "users"."tenant_id" IS NOT DISTINCT FROM $1"#,
        r#"DELETE FROM "users" WHERE "users"."ctid" = (SELECT 1 FROM "users" WHERE "users"."tenant_id" = $2)"#,
        r#"INSERT INTO "users" ("id", "tenant_id") VALUES ($1, $2)"#,
        r#"INSERT INTO "users" ("tenant_id", "id") SELECT "tenant_id", $2 FROM "users""#,
        r#"INSERT INTO "users" ("tenant_id", "id") VALUES (enter_place($1, $2), $2)"#,
    ] {
        assert!(check(leak).is_err(), "{leak}");
    }
}
