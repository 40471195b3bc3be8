use insta::assert_json_snapshot;
use serde_json::Value;
use wharf_tests::TestGateway;

async fn names(gateway: &TestGateway, query: &str) -> Vec<String> {
    let path = format!("/api/instance/list?instanceName={query}");
    let listed = gateway.get(&path).await.expect(200);
    let instances = listed["instances"].as_array().unwrap();
    assert_eq!(listed["meta"]["total"], instances.len());
    instances.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

async fn with_three() -> TestGateway {
    let gateway = TestGateway::start().await;
    for name in ["sales", "support", "inst 1"] {
        gateway.instance(name).await;
    }
    gateway
}

#[tokio::test]
async fn a_connected_instance_shows_its_connection_and_profile() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let listed = gateway.owner().get("/api/instance/list").await.expect(200);
    assert_json_snapshot!(listed, {
        ".instances[0].id" => "[id]",
        ".instances[0].token" => "[token]",
    });
}

#[tokio::test]
async fn the_message_counts_in_words() {
    let gateway = TestGateway::start().await;
    let message = async |gateway: &TestGateway| -> Value {
        gateway.get("/api/instance/list").await.expect(200)["message"].take()
    };
    assert_eq!(message(&gateway).await, "0 Instances found");
    gateway.instance("sales").await;
    assert_eq!(message(&gateway).await, "1 Instance found");
    gateway.instance("support").await;
    assert_eq!(message(&gateway).await, "2 Instances found");
}

#[tokio::test]
async fn an_account_sees_all_its_instances_oldest_first() {
    let gateway = with_three().await;
    assert_eq!(names(&gateway, "").await, ["sales", "support", "inst 1"]);
}

#[tokio::test]
async fn a_comma_list_finds_what_there_is_of_it() {
    let gateway = with_three().await;
    assert_eq!(names(&gateway, "support").await, ["support"]);
    assert_eq!(names(&gateway, "support,%20sales,nothing").await, ["sales", "support"]);
    assert_eq!(names(&gateway, "inst+1,").await, ["inst 1"]);
    assert_eq!(names(&gateway, "nothing,neither").await, [""; 0]);
}

#[tokio::test]
async fn one_unknown_name_is_not_found() {
    let gateway = with_three().await;
    for unknown in ["nothing", "a%2Fb"] {
        let refused = gateway.get(&format!("/api/instance/list?instanceName={unknown}")).await;
        assert_eq!(refused.refusal(), (404, "Instance not found".to_owned()));
    }
}

#[tokio::test]
async fn an_instances_token_sees_its_own_whatever_it_asks_for() {
    let gateway = with_three().await;
    let (_, token) = gateway.instance("own").await;
    for query in ["", "?instanceName=sales", "?instanceName=nothing", "?instanceName=a%2Fb"] {
        let listed =
            gateway.holder(&token).get(&format!("/api/instance/list{query}")).await.expect(200);
        assert_eq!(listed["instances"][0]["name"], "own");
        assert_eq!(listed["meta"]["total"], 1);
    }
}

#[tokio::test]
async fn of_several_names_those_nobody_can_have_are_passed_over_too() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    for (query, total) in [("a%5Cb,c%5Cd", 0), ("nothing,a%5Cb", 0), ("sales,a%5Cb", 1)] {
        let path = format!("/api/instance/list?instanceName={query}");
        assert_eq!(gateway.get(&path).await.expect(200)["meta"]["total"], total, "{query}");
    }
}
