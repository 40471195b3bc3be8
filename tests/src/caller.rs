use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::Answer;

/// Somebody who calls the gateway with the same headers every time.
#[derive(Clone, Debug)]
pub struct Caller {
    client: Client,
    base: String,
    headers: Vec<(String, String)>,
}

impl Caller {
    pub(crate) fn new(client: Client, base: String) -> Self {
        Self { client, base, headers: Vec::new() }
    }

    /// The same caller with one header more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// `POST` of anything.
    pub async fn post_text(&self, path: &str, body: impl Into<String>) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.send(request.body(body.into())).await
    }

    /// `POST` of a form, as browsers send it.
    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).form(form)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// `DELETE` with JSON.
    pub async fn delete_with(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::DELETE, path).json(&body)).await
    }

    /// Any method, without a body.
    pub async fn call(&self, method: &str, path: &str) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.send(self.request(method, path)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.expect("the gateway answers")).await
    }
}
