/** Number of bytes that the Standard Webhooks specification allows for a secret. */
const SECRET_BYTES = { min: 24, max: 64 } as const

const SECRET = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/

/** Says which secrets are valid, for messages. */
export const VALID_SECRET = `"whsec_" and ${SECRET_BYTES.min} to ${SECRET_BYTES.max} bytes in base64`

/** Returns true for a secret by the Standard Webhooks specification: https://www.standardwebhooks.com */
export function isWebhookSecret(text: string): boolean {
  const encoded = SECRET.exec(text)?.[1]
  if (encoded === undefined) return false
  const { byteLength } = Buffer.from(encoded, 'base64')
  return byteLength >= SECRET_BYTES.min && byteLength <= SECRET_BYTES.max
}

/** Returns the secrets of a list that is separated by white space. */
export function secretsOf(list: string): string[] {
  return list.split(/\s+/).filter(secret => secret !== '')
}

/** Returns what is wrong with a list of secrets, or undefined. The message never shows a value. */
export function faultOfWebhookSecrets(list: string): string | undefined {
  const secrets = secretsOf(list)
  if (secrets.length === 0) return `must be a secret: ${VALID_SECRET}`
  const wrong = secrets.findIndex(secret => !isWebhookSecret(secret))
  if (wrong < 0) return undefined
  return secrets.length === 1
    ? `must be a secret: ${VALID_SECRET}`
    : `must be secrets, separated by spaces, each of them ${VALID_SECRET}: entry ${wrong + 1} is not`
}

/** Returns what is wrong with the URL of a webhook, or undefined. The message never shows the URL, because it may be secret. */
export function faultOfWebhookUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) return 'must be a URL such as "https://example.com/hooks"'
  if (url.username !== '' || url.password !== '') {
    return 'must have no user and no password. Receivers check the signature instead'
  }
  return url.hash === '' ? undefined : 'must have no fragment, because a fragment is never sent'
}
