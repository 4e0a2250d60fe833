import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import type { Test } from 'tap'
import { listen } from './listen.ts'

export interface SecretsManager {
  /** For AWS_ENDPOINT_URL_SECRETS_MANAGER. */
  url: string
  /** What was asked of it, as IAM names it. */
  calls: Array<{ action: string; resource: string }>
}

/** What of Secrets Manager reads secrets, over its wire protocol, with these secrets by their ARNs. For as long as the test. */
export async function startSecretsManager(
  t: Pick<Test, 'teardown'>,
  secrets: Readonly<Record<string, string>>,
): Promise<SecretsManager> {
  const calls: SecretsManager['calls'] = []

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { SecretId } = (await json(request)) as { SecretId: string }
    calls.push({ action: String(request.headers['x-amz-target']).replace('.', ':'), resource: SecretId })
    const SecretString = secrets[SecretId]
    const found = SecretString !== undefined
    response.writeHead(found ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify(found ? { ARN: SecretId, SecretString } : { __type: 'ResourceNotFoundException' }))
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
  })
  return { url: await listen(t, server), calls }
}
