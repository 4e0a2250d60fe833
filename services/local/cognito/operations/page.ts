import { CognitoError } from '../errors.ts'

/**
 * Returns one page of a list. Its token contains the id of the last item, so that items that are added meanwhile do not
 * shift the pages.
 *
 * @throws CognitoError InvalidParameterException if the token is invalid
 */
export function pageOf<T extends { id: string }>(
  items: Iterable<T>,
  size: number,
  token: string | undefined,
): { page: T[]; next: { NextToken?: string } } {
  const sorted = [...items].sort((a, b) => (a.id < b.id ? -1 : 1))
  const after = token === undefined ? '' : decode(token)
  const rest = sorted.filter(({ id }) => id > after)
  const page = rest.slice(0, size)
  const last = page.at(-1)
  const hasMore = rest.length > page.length && last !== undefined
  return { page, next: hasMore ? { NextToken: Buffer.from(`id:${last.id}`).toString('base64url') } : {} }
}

function decode(token: string): string {
  const text = Buffer.from(token, 'base64url').toString()
  if (!text.startsWith('id:')) throw new CognitoError('InvalidParameterException', 'NextToken is not valid.')
  return text.slice('id:'.length)
}
