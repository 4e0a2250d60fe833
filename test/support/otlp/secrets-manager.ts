import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import type { Test } from 'tap'
import { listen } from './listen.ts'

export interface SecretsManager {
  /** The value for AWS_ENDPOINT_URL_SECRETS_MANAGER. */
  url: string
  /** The requests so far, by their IAM names. */
  calls: Array<{ action: string; resource: string }>
}

/**
 * Starts the part of Secrets Manager that reads secrets, in its protocol, for the duration of the test. `secrets` are
 * by ARN.
 */
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
