import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { issuerOf } from '../../../platform/config/api.ts'
import { UsageError } from '../../errors.ts'
import type { DoctorConfig } from '../config.ts'
import { explain } from '../explain.ts'
import { fetchText, parseJsonObject } from '../http.ts'
import { SignInError } from './errors.ts'

const TIMEOUT_MS = 20_000

/** Asks the user for values that are not in the environment. */
export interface Terminal {
  /** Resolves to a line of input, or to undefined if there is no terminal or the input ends. */
  ask(question: string, settings?: { isHidden?: boolean }): Promise<string | undefined>
}

/**
 * Returns API_TOKEN, or the id token of a sign-in with HEADGATE_USERNAME and HEADGATE_PASSWORD. Asks the terminal for those that are not
 * set. An id token works behind both kinds of API Gateway.
 *
 * @throws UsageError if the user is unknown and there is no terminal
 * @throws SignInError if Cognito rejects the sign-in or cannot be reached
 */
export async function getToken(config: DoctorConfig, terminal: Terminal): Promise<string> {
  if (config.API_TOKEN !== undefined) return config.API_TOKEN
  const username = config.HEADGATE_USERNAME ?? (await terminal.ask('User name: '))
  const password = config.HEADGATE_PASSWORD ?? (await terminal.ask('Password: ', { isHidden: true }))
  if (!username || !password) {
    throw new UsageError(
      '`--deep` needs a user: set API_TOKEN, or HEADGATE_USERNAME and HEADGATE_PASSWORD, or run the command in a terminal.',
    )
  }
  // The sign-in endpoint of Cognito has the same host as its issuer.
  const endpoint = new URL(issuerOf(config)).origin
  const response = fetchText(
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
  const { status, text } = await response.catch((cause: unknown) => {
    const finding = explain(cause)
    throw finding ? new SignInError(`${finding.seen}. ${finding.advice}`, { cause }) : cause
  })
  const answer = parseJsonObject(text) ?? {}
  const { IdToken: token } = (answer.AuthenticationResult ?? {}) as Record<string, unknown>
  if (typeof token === 'string') return token
  if (typeof answer.ChallengeName === 'string') {
    throw new SignInError(
      `Cognito asks for ${answer.ChallengeName}, which this command does not support. Sign in with another program, and set API_TOKEN to the id token.`,
    )
  }
  const code = String(answer.__type ?? status)
    .split('#')
    .at(-1)
  throw new SignInError(
    `Cognito rejects the sign-in: ${code}: ${answer.message ?? answer.Message ?? ''} Check the user, the password, COGNITO_CLIENT_ID and AWS_REGION.`,
  )
}

/** Returns the terminal of this process. Input for a hidden question is not shown. */
export function processTerminal({ stdin, stderr }: Pick<NodeJS.Process, 'stdin' | 'stderr'> = process): Terminal {
  return {
    async ask(question, { isHidden = false } = {}) {
      if (!stdin.isTTY) return undefined
      stderr.write(question)
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
      const typing = createInterface({ input: stdin, output: isHidden ? nowhere : stderr, terminal: true })
      try {
        return await new Promise<string | undefined>(resolve => {
          // On Ctrl-C and at the end of the input.
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
