// Keeps oidc-provider's codes, sessions and grants in this process's memory.

const stored = new Map();

/** The storage interface of oidc-provider; one instance per kind of thing. */
export class MemoryAdapter {
  constructor(kind) {
    this.kind = kind;
  }

  async upsert(id, payload, expiresIn) {
    stored.set(`${this.kind}:${id}`, { payload, expiresAt: Date.now() + (expiresIn ?? Infinity) * 1000 });
  }

  async find(id) {
    const entry = stored.get(`${this.kind}:${id}`);
    if (entry && entry.expiresAt > Date.now()) return entry.payload;
    stored.delete(`${this.kind}:${id}`);
    return undefined;
  }

  async findByUid(uid) {
    for (const [key, { payload }] of stored) {
      if (key.startsWith(`${this.kind}:`) && payload.uid === uid) return this.find(key.slice(this.kind.length + 1));
    }
    return undefined;
  }

  async findByUserCode() {
    return undefined;
  }

  async consume(id) {
    const payload = await this.find(id);
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    stored.delete(`${this.kind}:${id}`);
  }

  async revokeByGrantId(grantId) {
    // Only entries of this kind: a sign-in in place of another person has the grant of that person's session.
    for (const [key, { payload }] of stored) {
      if (key.startsWith(`${this.kind}:`) && payload.grantId === grantId) stored.delete(key);
    }
  }
}
