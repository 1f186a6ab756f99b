CREATE TRIGGER insert_into_log INSTEAD OF INSERT ON delivery_log BEGIN
  INSERT OR IGNORE INTO event_types (name) VALUES (NEW.event_type);
  INSERT INTO deliveries (webhook, event, event_type, stage, created_at, next_attempt_at, leased_until, failures, history) VALUES (
    (SELECT sequence FROM webhooks WHERE id = NEW.webhook_id),
    CASE WHEN NEW.event_id GLOB '????????-????-????-????-????????????' THEN unhex(replace(NEW.event_id, '-', '')) ELSE NEW.event_id END,
    (SELECT number FROM event_types WHERE name = NEW.event_type),
    CASE NEW.stage WHEN 'delivered' THEN 0 WHEN 'scheduled' THEN 1 WHEN 'held' THEN 2 WHEN 'released' THEN 3 WHEN 'failed' THEN 4
      WHEN 'dead' THEN 5 END,
    NEW.created_at, NEW.next_attempt_at, NEW.leased_until, NEW.failures,
    json_object('triesSince', CAST(NEW.tries_since AS INTEGER), 'endedAt', CAST(NEW.ended_at AS INTEGER), 'reason', NEW.reason, 'attempts', json(COALESCE(NEW.attempts, '[]')))
  );
END;

CREATE TRIGGER update_log INSTEAD OF UPDATE ON delivery_log BEGIN
  UPDATE deliveries SET
    stage = CASE NEW.stage WHEN 'delivered' THEN 0 WHEN 'scheduled' THEN 1 WHEN 'held' THEN 2 WHEN 'released' THEN 3 WHEN 'failed' THEN 4
      WHEN 'dead' THEN 5 END,
    created_at = NEW.created_at, next_attempt_at = NEW.next_attempt_at, leased_until = NEW.leased_until, failures = NEW.failures,
    history = json_object('triesSince', CAST(NEW.tries_since AS INTEGER), 'endedAt', CAST(NEW.ended_at AS INTEGER), 'reason', NEW.reason, 'attempts', json(NEW.attempts))
  WHERE webhook = (SELECT sequence FROM webhooks WHERE id = OLD.webhook_id)
    AND event = CASE WHEN OLD.event_id GLOB '????????-????-????-????-????????????' THEN unhex(replace(OLD.event_id, '-', '')) ELSE OLD.event_id END;
END;
