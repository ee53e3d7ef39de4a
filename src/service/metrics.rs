//! Counters for an operator, in Prometheus' text form.
//!
//! In: requests as they end, what the workers have to do. Out: `/metrics`. Labels come from closed
//! sets; none holds anything of a caller or a list.

use super::operation::Operation;
use crate::audience::Load;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabel {
    operation: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Place {
    Queued,
    Waiting,
    Running,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PlaceLabel {
    place: Place,
}

/// The counters.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<OperationLabel, Histogram>,
    audiences: Family<PlaceLabel, Gauge>,
    uploaded: Counter,
    pub(super) connections: Gauge,
}

/// Upper ends of what a request may take, in seconds.
const SECONDS: [f64; 10] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0];

impl Metrics {
    pub(super) fn new() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("matchkey"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            audiences: Family::default(),
            uploaded: Counter::default(),
            connections: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("requests", "Requests answered", metrics.requests.clone());
        let text = "Time until the head of the answer";
        let seconds = metrics.seconds.clone();
        registry.register_with_unit("request_duration", text, Unit::Seconds, seconds);
        registry.register("audiences", "Audiences not over", metrics.audiences.clone());
        let uploaded = metrics.uploaded.clone();
        registry.register_with_unit("uploaded", "Bytes received", Unit::Bytes, uploaded);
        registry.register("connections", "Open connections", metrics.connections.clone());
        metrics
    }

    pub(super) fn answered(&self, operation: Operation, status: u16, took: Duration) {
        let operation = operation.name();
        self.requests.get_or_create(&RequestLabels { operation, status }).inc();
        self.seconds.get_or_create(&OperationLabel { operation }).observe(took.as_secs_f64());
    }

    pub(super) fn received(&self, bytes: u64) {
        self.uploaded.inc_by(bytes);
    }

    /// Everything, with what the workers have to do now.
    pub(super) fn text(&self, load: Load) -> String {
        let places = [
            (Place::Queued, load.queued),
            (Place::Waiting, load.waiting),
            (Place::Running, load.running),
        ];
        for (place, count) in places {
            let gauge = self.audiences.get_or_create(&PlaceLabel { place });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        // A String takes everything.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
