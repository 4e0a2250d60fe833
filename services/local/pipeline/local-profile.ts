import { configDir, LOCAL_PROFILE, removeTokens, writeProfile } from '../../cli/session/profiles.ts'
import type { Pipeline } from './pipeline.ts'

/**
 * Writes the profile `local`, with which the `headgate` command uploads to this pipeline as the demo user. The tokens of an earlier
 * pipeline are removed.
 */
export async function writeLocalProfile(
  { apiUrl, aws }: Pick<Pipeline, 'apiUrl' | 'aws'>,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const dir = configDir(env)
  const { username, password } = aws.user
  const { COGNITO_ISSUER: issuer = aws.endpoints.cognito, COGNITO_CLIENT_ID: clientId = '' } = aws.env
  await writeProfile(dir, LOCAL_PROFILE, { url: apiUrl, issuer, clientId, username, password })
  await removeTokens(dir, LOCAL_PROFILE)
}
