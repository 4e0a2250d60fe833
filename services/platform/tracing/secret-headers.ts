import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { faultOfPairs } from '../config/tracing.ts'
import { ConfigurationError } from '../errors.ts'

/** Maximum time that the start of a process waits for the secret, in milliseconds. */
const READ_TIMEOUT_MS = 5_000

/**
 * Reads headers from a secret, in the format of OTEL_EXPORTER_OTLP_HEADERS.
 *
 * @throws ConfigurationError if the value of the secret has another format
 * @throws the error of the SDK if the secret cannot be read
 */
export async function readHeaders(arn: string, region: string): Promise<string> {
  const client = new SecretsManagerClient({ region })
  try {
    const command = new GetSecretValueCommand({ SecretId: arn })
    const { SecretString = '' } = await client.send(command, { abortSignal: AbortSignal.timeout(READ_TIMEOUT_MS) })
    const problem = SecretString.trim() === '' ? 'refers to a secret without text' : faultOfPairs(SecretString)
    if (problem !== undefined) throw new ConfigurationError([{ variable: 'OTLP_HEADERS_SECRET_ARN', problem }])
    return SecretString
  } finally {
    client.destroy()
  }
}
