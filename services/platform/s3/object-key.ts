import { escapeUri } from '../direct/sigv4.ts'

/** A key as the path of a request: escaped, but for its slashes. */
export function escapeKey(key: string): string {
  return escapeUri(key).replaceAll('%2F', '/')
}
