use wharf_tests::TestGateway;

#[tokio::test]
async fn the_served_document_is_the_committed_one() {
    let gateway = TestGateway::start().await;
    let served = gateway.nobody().get("/openapi.json").await.expect(200);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let committed: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(served == committed, "docs/openapi.json is stale: run `just generate`");
}

#[tokio::test]
async fn a_browser_finds_the_documentation() {
    let gateway = TestGateway::start().await;
    for path in ["/docs", "/docs/"] {
        let page = gateway.nobody().get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.contains("swagger-ui"), "{}", page.text);
    }
}

#[tokio::test]
async fn the_documentation_asks_nobody_else() {
    let gateway = TestGateway::start().await;
    let page = gateway.nobody().get("/docs/swagger-initializer.js").await;
    assert!(page.text.contains("\"validatorUrl\": \"none\""), "{}", page.text);
}
