//! `/openapi.json`: the document, and the answers that it describes.

use super::server::{Ask, Server, list};
use serde_json::{Value, json};

#[test]
fn the_document_is_the_one_on_record() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/openapi.json");
    let made = matchkey::service::openapi();
    if std::env::var_os("MATCHKEY_WRITE_TESTDATA").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap() == made, "run with MATCHKEY_WRITE_TESTDATA=1");
    let server = Server::start(&[]);
    let served = server.ask(&Ask {
        method: "GET",
        path: "/openapi.json",
        key: None,
        headers: &[],
        body: None,
    });
    assert!(served.text == made);
    let document = served.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths.len(), 8, "{paths:?}");
    // Every operation that is described is there.
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let method = method.to_uppercase();
            let path = format!("/api/v1{}", path.replace(['{', '}'], ""));
            let ask = Ask { method: &method, path: &path, key: None, headers: &[], body: None };
            let status = server.ask(&ask).status;
            assert!([401, 403].contains(&status), "{method} {path}: {status}");
        }
    }
}

/// True if a value has the shape: types, members, enumerations, alternatives.
fn fits(document: &Value, schema: &Value, value: &Value) -> bool {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return fits(document, &document["components"]["schemas"][name], value);
    }
    if let Some(alternatives) = schema["oneOf"].as_array() {
        return alternatives.iter().filter(|one| fits(document, one, value)).count() == 1;
    }
    if let Some(names) = schema["enum"].as_array() {
        return names.contains(value);
    }
    let is_of = |kind: &str| match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value
            .as_array()
            .is_some_and(|items| items.iter().all(|item| fits(document, &schema["items"], item))),
        "object" => is_object(document, schema, value),
        other => panic!("{other}"),
    };
    match &schema["type"] {
        Value::String(kind) => is_of(kind),
        Value::Array(kinds) => kinds.iter().any(|kind| is_of(kind.as_str().unwrap())),
        _ => true,
    }
}

fn is_object(document: &Value, schema: &Value, value: &Value) -> bool {
    let Some(members) = value.as_object() else { return false };
    let empty = Vec::new();
    let required = schema["required"].as_array().unwrap_or(&empty);
    let has_all = required.iter().all(|name| members.contains_key(name.as_str().unwrap()));
    has_all
        && members.iter().all(|(name, member)| match schema["properties"].get(name) {
            Some(property) => fits(document, property, member),
            // Nothing is sent that is not described.
            None => schema.get("additionalProperties").is_some(),
        })
}

#[test]
fn answers_are_as_described() {
    let server = Server::start(&[]);
    let document: Value = serde_json::from_str(&matchkey::service::openapi()).unwrap();
    let schema = |path: &str, method: &str, status: &str| {
        let answer = &document["paths"][path][method]["responses"][status];
        answer["content"]["application/json"]["schema"].clone()
    };
    let check = |path: &str, method: &str, status: &str, value: &Value| {
        let schema = schema(path, method, status);
        assert!(schema.is_object(), "{method} {path} {status} is not described");
        assert!(fits(&document, &schema, value), "{method} {path}: {value}\n{schema}");
    };
    let (_, csv) = list(100);
    for date in ["2025-01-01", "2026-07-20", "2026-10-15"] {
        let file = server.upload("a.csv", &csv);
        let headers = [("Api-Version-Date", date)];
        let call = |method: &str, path: &str, body: Option<Value>| {
            server.call_as(&server.account, method, path, body.as_ref(), &headers).json()
        };
        check("/files", "post", "201", &call("POST", "/files", Some(json!({"filename": "x.csv"}))));
        let parts = json!({"filename": "x", "multipart": true, "byte_size": 6_000_000});
        check("/files", "post", "201", &call("POST", "/files", Some(parts)));
        check("/files", "get", "200", &call("GET", "/files", None));
        check("/files/{file_id}", "get", "200", &call("GET", &format!("/files/{file}"), None));
        let made = call("POST", "/audiences", Some(server.new_audience(&file)));
        check("/audiences", "post", "201", &made);
        let id = made["id"].as_str().unwrap();
        server.wait_final(id);
        let listed = call("GET", &format!("/audiences?account_id={}", server.account.id), None);
        check("/audiences", "get", "200", &listed);
        let path = format!("/audiences/{id}");
        let renamed = call("PATCH", &path, Some(json!({"name": "New"})));
        check("/audiences/{audience_id}", "patch", "200", &renamed);
        let rejects = call("GET", &format!("{path}/rejects"), None);
        check("/audiences/{audience_id}/rejects", "get", "200", &rejects);
        let added = call("POST", &format!("{path}/add_people"), Some(json!({"file_id": file})));
        check("/audiences/{audience_id}/add_people", "post", "200", &added);
        check("/audiences/{audience_id}", "delete", "200", &call("DELETE", &path, None));
        check("/audiences/{audience_id}", "delete", "4XX", &call("DELETE", &path, None));
        check("/audiences", "get", "4XX", &call("GET", "/audiences", None));
    }
}
