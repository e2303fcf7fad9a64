//! `/api/ai`: insights, of which there are none yet. The addresses answer what clients expect: a
//! list, which is empty, and a message that says so.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::Routes;
use crate::http::envelope::Envelope;
use crate::http::openapi::{Answer, Operation, Tag};
use crate::rights::access::Access;
use crate::rights::role::{Action, Resource};

const NOT_YET: &str = "Not yet: this service makes no insights so far";

/// The endpoints.
#[must_use]
pub fn routes() -> Routes {
    let access = Access::Allowed(Resource::Ai, Action::Read);
    Routes::new()
        .get("/api/ai/forecast", access, of::<Forecast>("getForecast", "Forecasts"), async || {
            Envelope::of(Forecast { forecast: [] }).saying(NOT_YET)
        })
        .get("/api/ai/anomaly", access, of::<Anomalies>("getAnomalies", "Anomalies"), async || {
            Envelope::of(Anomalies { anomalies: [] }).saying(NOT_YET)
        })
        .get(
            "/api/ai/recommendations",
            access,
            of::<Recommendations>("getRecommendations", "Recommendations"),
            async || Envelope::of(Recommendations { recommendations: [] }).saying(NOT_YET),
        )
        .get("/api/ai/models", access, of::<Models>("listModels", "Models"), async || {
            Envelope::of(Models { models: [] }).saying(NOT_YET)
        })
}

fn of<T: ToSchema>(id: &'static str, summary: &'static str) -> Operation {
    let answer = Answer::data_and_message::<T>("An empty list, and a message that says so.");
    Operation::new(Tag::Insights, id, summary, answer).about("Not made yet.")
}

#[derive(Debug, Serialize, ToSchema)]
struct Forecast {
    #[schema(value_type = Vec<Object>)]
    forecast: [(); 0],
}

#[derive(Debug, Serialize, ToSchema)]
struct Anomalies {
    #[schema(value_type = Vec<Object>)]
    anomalies: [(); 0],
}

#[derive(Debug, Serialize, ToSchema)]
struct Recommendations {
    #[schema(value_type = Vec<Object>)]
    recommendations: [(); 0],
}

#[derive(Debug, Serialize, ToSchema)]
struct Models {
    #[schema(value_type = Vec<Object>)]
    models: [(); 0],
}
