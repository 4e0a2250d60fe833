import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import envPaths from 'env-paths'
import { type Static, type TSchema, Type } from 'typebox'
import { Check, Errors } from 'typebox/value'
import { closest } from '../../platform/did-you-mean.ts'
import { UsageError } from '../errors.ts'

const profileSchema = Type.Object({
  /** The URL of the api. */
  url: Type.String({ minLength: 1 }),
  /** The issuer of the tokens: the URL of the user pool. */
  issuer: Type.String({ minLength: 1 }),
  clientId: Type.String({ minLength: 1 }),
  username: Type.Optional(Type.String()),
  /** Only for the demo user of the embedded AWS. Other passwords are never stored. */
  password: Type.Optional(Type.String()),
})

/** A deployment and a user. */
export type Profile = Static<typeof profileSchema>

const tokensSchema = Type.Object({
  idToken: Type.String({ pattern: '^[\\x21-\\x7e]+$' }),
  /** Milliseconds since the epoch. */
  expiresAt: Type.Number(),
  refreshToken: Type.Optional(Type.String()),
})

/** The tokens of a sign-in. */
export type Tokens = Static<typeof tokensSchema>

/** The profile that `npm start` writes. */
export const LOCAL_PROFILE = 'local'

const NAME = /^[\w.-]{1,64}$/

/** Returns the folder of the profiles: HEADGATE_CONFIG_DIR, or the folder for settings of this platform. */
export function configDir(env: NodeJS.ProcessEnv): string {
  return env.HEADGATE_CONFIG_DIR || envPaths('headgate', { suffix: '' }).config
}

/** @throws UsageError for a name that is no file name */
export function checkProfileName(name: string): string {
  if (NAME.test(name) && !/^\.+$/.test(name)) return name
  throw new UsageError(`A profile's name has letters, digits, and the characters . _ -, not '${name}'.`)
}

/** Returns the names of all profiles, sorted. */
export async function profileNames(dir: string): Promise<string[]> {
  const files = await readdir(path.join(dir, 'profiles')).catch(ignoreMissing)
  return (files ?? []).flatMap(file => (file.endsWith('.json') ? [file.slice(0, -'.json'.length)] : [])).sort()
}

/** Returns a profile. @throws UsageError if it does not exist or is invalid */
export async function readProfile(dir: string, name: string): Promise<Profile> {
  const found = await readJson(profileFile(dir, checkProfileName(name)), profileSchema)
  if (found) return found
  const names = await profileNames(dir)
  const similar = closest(name, names)
  const hint = similar === undefined ? '' : ` Did you mean '${similar}'?`
  const known = names.length === 0 ? 'There are no profiles yet.' : `The profiles are: ${names.join(', ')}.`
  throw new UsageError(
    `There is no profile '${name}'.${hint} ${known} \`headgate login URL --profile ${name}\` creates it.`,
  )
}

export async function writeProfile(dir: string, name: string, profile: Profile): Promise<void> {
  await writeJson(profileFile(dir, checkProfileName(name)), profile)
}

/** Removes a profile with its tokens. */
export async function removeProfile(dir: string, name: string): Promise<void> {
  await removeTokens(dir, name)
  await rm(profileFile(dir, name), { force: true })
  if ((await currentProfile(dir)) === name) await rm(path.join(dir, 'current'), { force: true })
}

/** Returns the name of the profile that commands use without `--profile`. */
export async function currentProfile(dir: string): Promise<string | undefined> {
  const text = await readFile(path.join(dir, 'current'), 'utf8').catch(ignoreMissing)
  const name = text?.trim()
  return name === undefined || name === '' ? undefined : name
}

export async function useProfile(dir: string, name: string): Promise<void> {
  await replaceFile(path.join(dir, 'current'), `${checkProfileName(name)}\n`)
}

export async function readTokens(dir: string, name: string): Promise<Tokens | undefined> {
  return await readJson(tokensFile(dir, name), tokensSchema)
}

export async function writeTokens(dir: string, name: string, tokens: Tokens): Promise<void> {
  await writeJson(tokensFile(dir, name), tokens)
}

export async function removeTokens(dir: string, name: string): Promise<void> {
  await rm(tokensFile(dir, name), { force: true })
}

/** Each profile has files of its own, so that two commands at once do not undo each other's changes. */
function profileFile(dir: string, name: string): string {
  return path.join(dir, 'profiles', `${name}.json`)
}

function tokensFile(dir: string, name: string): string {
  return path.join(dir, 'credentials', `${name}.json`)
}

async function readJson<S extends TSchema>(file: string, schema: S): Promise<Static<S> | undefined> {
  const text = await readFile(file, 'utf8').catch(ignoreMissing)
  if (text === undefined) return undefined
  const invalid = (reason: string, cause?: unknown) =>
    new UsageError(`${file} is invalid: ${reason} Correct it, or delete it and sign in again.`, { cause })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    // The message of the cause would contain a part of a token.
    throw invalid('it is not JSON.', cause instanceof SyntaxError ? undefined : cause)
  }
  if (Check(schema, value)) return value
  const [first] = Errors(schema, value)
  throw invalid(`${first?.instancePath || 'it'} ${first?.message}.`)
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await replaceFile(file, `${JSON.stringify(value, null, 2)}\n`)
}

/** Writes a file that only this user can read. A reader sees the old or the new file, never a part. */
async function replaceFile(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const written = `${file}.${process.pid}.tmp`
  try {
    await writeFile(written, text, { mode: 0o600, flush: true })
    await rename(written, file)
  } catch (error) {
    await rm(written, { force: true })
    throw error
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
