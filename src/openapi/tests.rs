//! Promises of the document that no single handler can keep.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::document;

/// Every operation with its path and method.
fn operations() -> Vec<(String, Value)> {
    let document = serde_json::to_value(document()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation.get("responses").is_some() {
                operations.push((format!("{method} {path}"), operation.clone()));
            }
        }
    }
    operations
}

/// Calls `visit` with every object in a value.
fn walk(value: &Value, visit: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(object);
            object.values().for_each(|value| walk(value, visit));
        }
        Value::Array(values) => values.iter().for_each(|value| walk(value, visit)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = serde_json::to_value(document()).unwrap();
    let mut broken = BTreeSet::new();
    walk(&document, &mut |object| {
        if let Some(Value::String(reference)) = object.get("$ref")
            && document.pointer(reference.trim_start_matches('#')).is_none()
        {
            broken.insert(reference.clone());
        }
    });
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn every_operation_says_what_it_does() {
    let document = serde_json::to_value(document()).unwrap();
    let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut names = BTreeMap::new();
    for (route, operation) in operations() {
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{route} has no summary");
        assert!(tags.contains(&&operation["tags"][0]), "{route} has no known tag: {}", operation["tags"]);
        let name = operation["operationId"].to_string();
        assert_eq!(names.insert(name, route.clone()), None, "{route} has a name that another has");
    }
}

#[test]
fn every_guarded_operation_says_so_and_how_it_refuses() {
    for (route, operation) in operations() {
        let guarded = route.contains(" /v1/") || route.contains(" /admin/");
        assert_eq!(operation.get("security").is_some(), guarded, "{route}");
        for status in ["401", "403", "500", "503", "504"] {
            assert!(!guarded || operation["responses"].get(status).is_some(), "{route} does not document {status}");
        }
        if operation.pointer("/requestBody/content/application~1json").is_some() {
            for status in ["400", "413", "415", "422"] {
                assert!(operation["responses"].get(status).is_some(), "{route} does not document {status}");
            }
        }
    }
}
