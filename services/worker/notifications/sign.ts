import { Webhook } from 'standardwebhooks'

/**
 * Returns the value of the header `webhook-signature`: one signature for each secret. This module is loaded on first use. A dynamic import
 * of the package itself has no named exports in the bundle, because the package is CommonJS.
 */
export function signaturesOf(secrets: readonly string[], message: { id: string; at: Date; body: string }): string {
  const { id, at, body } = message
  return secrets.map(secret => new Webhook(secret).sign(id, at, body)).join(' ')
}
