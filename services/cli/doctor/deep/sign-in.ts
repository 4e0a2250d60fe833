import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { issuerOf } from '../../../platform/config/api.ts'
import { UsageError } from '../../errors.ts'
import type { DoctorConfig } from '../config.ts'
import { fetchText, parseJsonObject } from '../http.ts'
import { SignInError } from './errors.ts'

const TIMEOUT_MS = 20_000

/** Where a person types what the environment does not have. */
export interface Terminal {
  /** Resolves to a line. Undefined where nobody can type: then there is no terminal. */
  ask(question: string, settings?: { isHidden?: boolean }): Promise<string | undefined>
}

/**
 * Returns the token that the user's requests are made with: API_TOKEN, or the id token of a sign-in with HEADGATE_USERNAME and
 * HEADGATE_PASSWORD, which are asked for where they are not set. An id token is good behind both kinds of API Gateway.
 *
 * @throws UsageError where there is neither, and nobody to ask
 * @throws SignInError where Cognito refuses
 */
export async function getToken(config: DoctorConfig, terminal: Terminal): Promise<string> {
  if (config.API_TOKEN !== undefined) return config.API_TOKEN
  const username = config.HEADGATE_USERNAME ?? (await terminal.ask('User name: '))
  const password = config.HEADGATE_PASSWORD ?? (await terminal.ask('Password: ', { isHidden: true }))
  if (!username || !password) {
    throw new UsageError(
      '`--deep` needs a user: set API_TOKEN, or HEADGATE_USERNAME and HEADGATE_PASSWORD, or run it in a terminal and type them.',
    )
  }
  // Cognito answers where the keys of its tokens are.
  const endpoint = new URL(issuerOf(config)).origin
  const { status, text } = await fetchText(
    `${endpoint}/`,
    {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'AWSCognitoIdentityProviderService.InitiateAuth',
      },
      body: JSON.stringify({
        AuthFlow: 'USER_PASSWORD_AUTH',
        ClientId: config.COGNITO_CLIENT_ID,
        AuthParameters: { USERNAME: username, PASSWORD: password },
      }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    },
    { action: 'cognito-idp:InitiateAuth', resource: endpoint, variable: 'COGNITO_USER_POOL_ID' },
  )
  const answer = parseJsonObject(text) ?? {}
  const { IdToken: token } = (answer.AuthenticationResult ?? {}) as Record<string, unknown>
  if (typeof token === 'string') return token
  if (typeof answer.ChallengeName === 'string') {
    throw new SignInError(
      `Cognito asks for ${answer.ChallengeName}, which this command cannot answer: sign in otherwise, and set API_TOKEN to the id token.`,
    )
  }
  const said = String(answer.__type ?? status)
    .split('#')
    .at(-1)
  throw new SignInError(
    `Cognito refuses the sign-in: ${said}: ${answer.message ?? answer.Message ?? ''} Check the user, its password, COGNITO_CLIENT_ID and AWS_REGION.`,
  )
}

/** The terminal of this process. What is typed for a hidden question is not shown. */
export function processTerminal({ stdin, stderr }: Pick<NodeJS.Process, 'stdin' | 'stderr'> = process): Terminal {
  return {
    async ask(question, { isHidden = false } = {}) {
      if (!stdin.isTTY) return undefined
      stderr.write(question)
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
      const typing = createInterface({ input: stdin, output: isHidden ? nowhere : stderr, terminal: true })
      try {
        return await new Promise<string | undefined>(resolve => {
          // Ctrl-C and the end of the input.
          typing.once('close', () => resolve(undefined))
          typing.once('line', resolve)
        })
      } finally {
        typing.close()
        if (isHidden) stderr.write('\n')
      }
    },
  }
}
