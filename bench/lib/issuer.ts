import { account, userPoolDefinition } from '../../services/local/account.ts'
import { startCognito } from '../../services/local/cognito/index.ts'
import { signIn } from '../../services/local/cognito-wire.ts'
import { createUser } from '../../services/local/resources/cognito.ts'

/** An issuer of real tokens, with one token. It serves its keys to the programs that verify the token. */
export interface BenchIssuer {
  readonly issuer: string
  readonly token: string
  stop(): Promise<void>
}

export async function startIssuer(): Promise<BenchIssuer> {
  const cognito = await startCognito({ pools: [userPoolDefinition] })
  try {
    const { userPoolId, userPoolClientId: clientId, demoUser } = account
    await createUser(cognito.url, { userPoolId, ...demoUser })
    const { accessToken } = await signIn(cognito.url, { clientId, ...demoUser })
    return { issuer: cognito.issuer(userPoolId), token: accessToken, stop: () => cognito.stop() }
  } catch (error) {
    await cognito.stop()
    throw error
  }
}
