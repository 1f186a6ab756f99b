-- What can be delivered again. Nothing that goes well is ever in it: it costs a healthy delivery no row.
CREATE INDEX deliveries_failed ON deliveries (webhook_id, created_at, event_id) WHERE state IN ('failed', 'dead');
