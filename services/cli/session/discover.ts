import '../fetch.ts'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import { NotReachableError, UsageError } from '../errors.ts'
import type { AppClient } from './cognito.ts'

const PATH = '/.well-known/headgate'
const TIMEOUT_MS = 20_000
const metadataSchema = Type.Object({ issuer: Type.String(), clientId: Type.String() })

/**
 * Returns the URL of an api in the form that requests need.
 *
 * @throws UsageError unless the text is the root of an api. The message never has a password that the URL contains
 */
export function apiUrlOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new UsageError(`'${text}' is no URL of an api. It begins with https://, or with http:// on this machine.`)
  }
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') {
    throw new UsageError('The URL contains a user or a password. Leave them out: the sign-in asks for them.')
  }
  if (url.search !== '' || url.hash !== '') throw new UsageError('The URL has a query or a fragment. Leave it out.')
  const isHere = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
  if (url.protocol === 'http:' && !isHere) {
    throw new UsageError('The URL begins with http://, so the token would be readable on the network. Use https://.')
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '').replace(/\/uploads$/, '')
}

/** Asks an api where its users sign in. @throws NotReachableError, UsageError */
export async function discover(url: string): Promise<AppClient> {
  let response: Response
  let text: string
  try {
    response = await fetch(url + PATH, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) })
    text = await response.text()
  } catch (cause) {
    throw new NotReachableError(`${url} did not respond. Check the URL and the network.`, { cause })
  }
  const metadata = response.ok ? parse(text) : undefined
  if (Check(metadataSchema, metadata)) return metadata
  throw new UsageError(
    `${url} is no api of Headgate: ${url}${PATH} answered ${response.status}. The URL is that of the api, without /uploads.`,
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The page of another server. The error below says so.
    return undefined
  }
}
