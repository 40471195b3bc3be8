//! Claims about every route there is, taken from the OpenAPI document.

use std::{fs, path::Path};

use wharf_tests::{Caller, TestGateway};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

struct Route {
    method: String,
    path: String,
    needs_token: bool,
    /// Whether it belongs to the pairing page, which a visit opens too.
    is_page: bool,
}

impl Route {
    fn of_instance(&self, name: &str) -> Option<String> {
        self.path.contains("{instance}").then(|| self.path.replace("{instance}", name))
    }

    async fn call(&self, caller: &Caller, name: &str) -> (u16, String) {
        let path = self.path.replace("{instance}", name);
        caller.call(&self.method, &path).await.refusal()
    }
}

fn routes() -> Vec<Route> {
    let document = serde_json::to_value(wharf_http_ryze::openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            let operation = &item[method];
            if operation.is_object() {
                routes.push(Route {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    needs_token: operation["security"].is_array(),
                    is_page: operation["security"].to_string().contains("visit"),
                });
            }
        }
    }
    assert!(routes.len() >= 37, "the document has lost routes");
    routes
}

fn guarded() -> impl Iterator<Item = Route> {
    routes().into_iter().filter(|route| route.needs_token && !route.is_page)
}

#[test]
fn every_route_has_a_test_of_its_own() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("it");
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    let tests: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    let untested: Vec<_> = routes()
        .iter()
        .map(|route| {
            let end = if route.path.contains('{') { "" } else { "\"" };
            let path = route.path.split('{').next().unwrap();
            let method = route.method.to_lowercase();
            [format!(".{method}(\"{path}{end}"), format!(".{method}_with(\"{path}{end}")]
        })
        .filter(|calls| !calls.iter().any(|call| tests.contains(call.as_str())))
        .collect();
    assert!(untested.is_empty(), "no test calls {untested:#?}");
}

#[tokio::test]
async fn only_health_is_open_to_everybody() {
    let open: Vec<_> = routes().into_iter().filter(|r| !r.needs_token).map(|r| r.path).collect();
    assert_eq!(open, ["/health", "/health/live", "/health/ready"]);
}

#[tokio::test]
async fn no_guarded_route_answers_without_a_token() {
    let gateway = TestGateway::start().await;
    for route in guarded() {
        // Where browsers can send no headers, the query may have it.
        let places = if route.path.starts_with("/ws/") {
            "header, Authorization header, or query parameter"
        } else {
            "header"
        };
        let refusal = route.call(&gateway.nobody(), "sales").await;
        assert_eq!(refusal, (401, format!("Missing token in {places}")), "{}", route.path);
    }
}

#[tokio::test]
async fn no_guarded_route_answers_an_unknown_token() {
    let gateway = TestGateway::start().await;
    for route in guarded() {
        let refusal = route.call(&gateway.holder("unknown"), "sales").await;
        assert_eq!(refusal, (401, "Invalid token".to_owned()), "{}", route.path);
    }
}

#[tokio::test]
async fn no_route_tells_an_account_more_of_a_foreign_instance_than_of_an_unknown_one() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let other = gateway.other_owner("other", None).await;
    let long = "x".repeat(101);
    for route in guarded().filter(|route| route.of_instance("").is_some()) {
        for name in ["sales", "unknown", "a%2Fb", "%00", &long] {
            let refusal = route.call(&other, name).await;
            assert_eq!(refusal, (404, "Instance not found".to_owned()), "{} {name}", route.path);
        }
    }
}

#[tokio::test]
async fn no_route_tells_an_instances_token_whether_another_instance_exists() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let (_, support) = gateway.instance("support").await;
    for route in guarded().filter(|route| route.of_instance("").is_some()) {
        let expected = if route.path.starts_with("/api/instance/delete") {
            (401, "Invalid token".to_owned())
        } else {
            (403, "Instance token does not match the requested instance".to_owned())
        };
        for name in ["sales", "unknown", "a%2Fb"] {
            let refusal = route.call(&gateway.holder(&support), name).await;
            assert_eq!(refusal, expected, "{} {name}", route.path);
        }
    }
}

#[tokio::test]
async fn every_route_of_an_instance_wants_its_name() {
    let gateway = TestGateway::start().await;
    for route in guarded().filter(|route| route.of_instance("").is_some()) {
        for blank in ["", "%20"] {
            let refusal = route.call(&gateway.owner(), blank).await;
            assert_eq!(refusal, (400, "Instance name is required".to_owned()), "{}", route.path);
            let refusal = route.call(&gateway.nobody(), blank).await;
            assert_eq!(refusal.0, 401, "{}", route.path);
        }
    }
}
