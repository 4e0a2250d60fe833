import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { faultOfPairs } from '../config/tracing.ts'
import { ConfigurationError } from '../errors.ts'

/** A start does not wait longer for it, in milliseconds. */
const READ_MS = 5_000

/**
 * The headers that a secret has, as OTEL_EXPORTER_OTLP_HEADERS would have them.
 *
 * @throws ConfigurationError where the secret has something else, and what the SDK throws
 */
export async function readHeaders(arn: string, region: string): Promise<string> {
  const client = new SecretsManagerClient({ region })
  try {
    const command = new GetSecretValueCommand({ SecretId: arn })
    const { SecretString = '' } = await client.send(command, { abortSignal: AbortSignal.timeout(READ_MS) })
    const problem = SecretString.trim() === '' ? 'names a secret without text' : faultOfPairs(SecretString)
    if (problem !== undefined) throw new ConfigurationError([{ variable: 'OTLP_HEADERS_SECRET_ARN', problem }])
    return SecretString
  } finally {
    client.destroy()
  }
}
