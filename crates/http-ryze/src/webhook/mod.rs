//! Webhooks: where an instance's events are posted to.

mod get;
mod remove;
mod set;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wharf_domain::{Result, webhook::WebhookLabel};

use crate::routes::Routes;

pub(crate) fn endpoints(config: &mut Routes<'_, '_>) {
    config.service(set::set).service(get::get).service(get::get_by_alias).service(remove::remove);
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LabelQuery {
    /// Which webhook; empty is `default`.
    #[param(example = "default")]
    label: Option<String>,
}

impl LabelQuery {
    fn parse(&self) -> Result<WebhookLabel> {
        WebhookLabel::parse(self.label.as_deref())
    }
}

/// Something was done.
#[derive(Serialize, ToSchema)]
struct DoneAnswer {
    /// Always true.
    success: bool,
    /// What was done.
    message: &'static str,
}
