import '../fetch.ts'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { ConnectionError, Headgate, InvalidTokenError, type TokenRequest } from '../../client/index.ts'
import type { CommandOption } from '../command.ts'
import { InterruptedError, NotReachableError, SignInError, type StopSignal, UsageError } from '../errors.ts'
import type { Output } from '../output.ts'
import { processTerminal } from '../terminal.ts'
import { refreshTokens, signInByPassword } from './cognito.ts'
import { apiUrlOf } from './discover.ts'
import {
  configDir,
  currentProfile,
  LOCAL_PROFILE,
  type Profile,
  readProfile,
  readTokens,
  type Tokens,
  writeTokens,
} from './profiles.ts'

/** The option of every command that uses a profile. */
export const profileOption = {
  profile: {
    type: 'string',
    short: 'p',
    value: 'PROFILE',
    description:
      'the deployment and user of `headgate login` (default: HEADGATE_PROFILE, or the last sign-in, or the `npm start` of this machine)',
  },
} as const satisfies Record<string, CommandOption>

/** The help text of the commands that use a profile. */
export const PROFILE_HELP = 'To use a token of your own, set API_URL and API_TOKEN. A profile is not needed then.'

/** What a command of an uploader runs with. */
export interface Connection {
  headgate: Headgate
  /** The URL of the api. */
  url: string
  /** The name of the profile. Undefined with API_URL and API_TOKEN. */
  profile: string | undefined
  getToken(request: TokenRequest): Promise<string> | string
  /** Aborted by Ctrl-C and SIGTERM. */
  signal: AbortSignal
}

export interface ConnectSettings {
  env: NodeJS.ProcessEnv
  options: { profile?: string | undefined }
  output: Output
}

/** A token is replaced this long before it expires, in milliseconds. */
const MARGIN_MS = 60_000

/**
 * Runs a function with a client of the deployment that the command line or the environment selects.
 *
 * @param settings.onInterrupt what the error says after Ctrl-C
 * @throws InterruptedError after SIGINT or SIGTERM, NotReachableError, SignInError, UsageError, and the errors of the client
 */
export async function withClient<T>(
  { env, options, output, onInterrupt = 'Stopped.' }: ConnectSettings & { onInterrupt?: string },
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  return await untilSignal(onInterrupt, async signal => {
    const { url, profile, getToken } = await tokenSource(env, options.profile, output.note)
    try {
      // Says once why nothing happens.
      let isTold = false
      const onRetry = (error: Error) => {
        if (!isTold) output.note(`${error.message} Trying again for a minute.`)
        isTold = true
      }
      return await use({ headgate: new Headgate({ url, getToken, onRetry }), url, profile, getToken, signal })
    } catch (error) {
      if (error instanceof ConnectionError) throw notReachable(error, profile)
      if (error instanceof InvalidTokenError) {
        throw new SignInError(`${error.message} ${signInAgain(profile)}`, { cause: error })
      }
      throw error
    }
  })
}

/**
 * Runs a function with a signal that SIGINT (Ctrl-C) and SIGTERM abort. A second Ctrl-C ends the process at once.
 *
 * @throws InterruptedError with the message, after a signal
 */
export async function untilSignal<T>(message: string, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const onSignal = (signal: StopSignal) => stop.abort(new InterruptedError(message, signal))
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  try {
    return await run(stop.signal)
  } catch (error) {
    stop.signal.throwIfAborted()
    throw error
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

export interface TokenSource {
  url: string
  profile: string | undefined
  getToken(request: TokenRequest): Promise<string> | string
}

/** Returns the api and the tokens of the user that the command line or the environment selects. @throws UsageError */
export async function tokenSource(
  env: NodeJS.ProcessEnv,
  wanted: string | undefined,
  onNote: (note: string) => void,
): Promise<TokenSource> {
  const { API_URL: url, API_TOKEN: token } = env
  if (wanted === undefined && (url || token)) {
    if (!url || !token) {
      throw new UsageError(
        `${url ? 'API_URL' : 'API_TOKEN'} is set alone. Set API_URL and API_TOKEN, or neither and use a profile.`,
      )
    }
    const value = token.trim()
    // fetch would reject such a header, again and again, with an error that contains the value.
    if (!/^[\x21-\x7e]+$/.test(value))
      throw new UsageError('API_TOKEN is no token: it has a space, a line break or a special character.')
    return { url: apiUrlOf(url), profile: undefined, getToken: () => value }
  }
  const dir = configDir(env)
  const name = await profileName(env, wanted)
  const profile = await readProfile(dir, name)
  return { url: profile.url, profile: name, getToken: createTokens(dir, name, profile, onNote) }
}

/** Returns the name of the profile to use. @throws UsageError if this machine knows no deployment */
export async function profileName(env: NodeJS.ProcessEnv, wanted: string | undefined): Promise<string> {
  const name = wanted ?? (await defaultProfile(env))
  if (name !== undefined) return name
  throw new UsageError(
    'No deployment is known yet. Sign in first: headgate login https://API_OF_YOUR_DEPLOYMENT. On a laptop, `npm start` is enough.',
  )
}

/** Returns the name of the profile that commands use without `--profile`. */
export async function defaultProfile(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const dir = configDir(env)
  const name = env.HEADGATE_PROFILE || (await currentProfile(dir))
  if (name !== undefined) return name
  return existsSync(path.join(dir, 'profiles', `${LOCAL_PROFILE}.json`)) ? LOCAL_PROFILE : undefined
}

/** Returns a function that returns a valid token: the stored one, or a new one. */
function createTokens(dir: string, name: string, profile: Profile, onNote: (note: string) => void) {
  let current: Tokens | undefined
  let pending: Promise<Tokens> | undefined
  const isValid = (tokens: Tokens, rejected: string | undefined) =>
    tokens.idToken !== rejected && tokens.expiresAt - MARGIN_MS > Date.now()
  // In a folder that is read-only or full, the tokens serve this command, and the next one renews them again.
  let isTold = false
  const keep = (tokens: Tokens) =>
    writeTokens(dir, name, tokens).catch((error: Error) => {
      if (!isTold) onNote(`The new tokens can't be stored, so the next command signs in again: ${error.message}`)
      isTold = true
    })
  const renew = async (rejected: string | undefined): Promise<Tokens> => {
    // Another command may have stored new tokens.
    const stored = await readTokens(dir, name)
    if (stored && isValid(stored, rejected)) return stored
    const { username, password } = profile
    if (username !== undefined && password !== undefined) {
      const tokens = await signInByPassword(profile, { username, password }, processTerminal()).catch(error => {
        throw notReachable(error, name)
      })
      await keep(tokens)
      return tokens
    }
    if (stored?.refreshToken === undefined) throw new SignInError(`You are not signed in. ${signInAgain(name)}`)
    const tokens = await refreshTokens(profile, stored.refreshToken).catch((cause: Error) => {
      throw new SignInError(`${cause.message} ${signInAgain(name)}`, { cause })
    })
    await keep(tokens)
    return tokens
  }
  return async ({ rejected }: TokenRequest): Promise<string> => {
    if (current && isValid(current, rejected)) return current.idToken
    // Requests in parallel share one renewal.
    pending ??= renew(rejected).finally(() => {
      pending = undefined
    })
    current = await pending
    return current.idToken
  }
}

function signInAgain(profile: string | undefined): string {
  if (profile === undefined) return 'Set API_TOKEN to a new token.'
  return `Sign in with: headgate login --profile ${profile}`
}

function notReachable(cause: Error, profile: string | undefined): NotReachableError {
  const hint =
    profile === LOCAL_PROFILE ? 'Does `npm start` run? Its profile is `local`.' : 'Check the URL and the network.'
  return new NotReachableError(`${cause.message} ${hint}`, { cause })
}
