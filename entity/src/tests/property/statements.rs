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
    if sql.starts_with("INSERT") {
        inserted_rows_carry(sql, values, tenant)?;
        return if sql.contains(" DO UPDATE ") { where_holds(sql, values, tenant) } else { Ok(()) };
    }
    where_holds(sql, values, tenant)
}

/// `tenant_id` is the first column, and the first value of every row is the tenant.
fn inserted_rows_carry(sql: &str, values: &[String], tenant: &str) -> Result<(), &'static str> {
    let (_, columns) = sql.split_once('(').ok_or("an insert without columns")?;
    let (columns, rest) = columns.split_once(')').ok_or("an insert without columns")?;
    if !columns.starts_with("\"tenant_id\"") {
        return Err("an insert without the tenant's column");
    }
    if let Some(row) = rest.strip_prefix(" SELECT ") {
        return entered_row_carries(row, values, tenant);
    }
    let width = columns.split(", ").count();
    let rows = rest.split(" ON CONFLICT ").next().unwrap_or(rest).split(" RETURNING ").next().unwrap_or(rest);
    let rows = rows.matches("), (").count() + 1;
    let carried = values.chunks(width).take(rows).all(|row| row[0].contains(tenant));
    if carried { Ok(()) } else { Err("an inserted row without the tenant") }
}

/// The first value of the one row is what the function returns that binds its first argument, and that is the tenant.
fn entered_row_carries(row: &str, values: &[String], tenant: &str) -> Result<(), &'static str> {
    let (row, source) = row.split_once(" FROM ").ok_or("an inserted row from nowhere")?;
    if !row.starts_with("\"bound\".\"tenant\", ") || !source.ends_with(" AS \"tenant\") AS \"bound\"") {
        return Err("an inserted row without the tenant");
    }
    let binds = ["SELECT enter_place(", "SELECT enter_and_add("];
    let bound = binds.iter().find_map(|call| source.split_once(call));
    let (_, arguments) = bound.ok_or("an inserted row whose tenant is not bound")?;
    let placeholder = arguments.split(", ").next().unwrap_or_default();
    let carries = value_of(source, placeholder, values).is_some_and(|value| value.contains(tenant));
    if carries { Ok(()) } else { Err("an inserted row without the tenant") }
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
    let entered = r#"INSERT INTO "users" ("tenant_id", "id") SELECT "bound"."tenant", $1 FROM (SELECT enter_and_add($2, $1) AS "tenant") AS "bound""#;
    assert_eq!(check(entered), Ok(()));
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
        r#"INSERT INTO "users" ("tenant_id", "id") SELECT "bound"."tenant", $2 FROM (SELECT enter_place($1, $2) AS "tenant") AS "bound""#,
        r#"INSERT INTO "users" ("tenant_id", "id") SELECT $2, $1 FROM (SELECT enter_place($2, $1) AS "tenant") AS "bound""#,
    ] {
        assert!(check(leak).is_err(), "{leak}");
    }
}
