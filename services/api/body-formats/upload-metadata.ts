import { ProblemError } from '../problems/problem.ts'

/** The prefix of a client's own names, in `Upload-Metadata` and in the fields of a form. */
export const METADATA_PREFIX = 'metadata.'

/**
 * Parses the header `Upload-Metadata` of tus: pairs of a name and a value in base64, separated by commas. The parser of @tus/server is slow
 * to load, and most processes never need it.
 *
 * @throws ProblemError
 */
export function parseUploadMetadata(header: string): Record<string, string> {
  const pairs = header.split(',').map((pair): [string, string] => {
    const [name = '', base64 = '', ...rest] = pair.trim().split(' ')
    const bytes = Buffer.from(base64, 'base64')
    const isBase64 = bytes.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '')
    if (name === '' || rest.length > 0 || !isBase64) {
      throw new ProblemError(
        'invalid-metadata',
        'The header Upload-Metadata is malformed. It has pairs of a name and a value in base64, separated by commas: "metadata.project YXBvbGxv".',
      )
    }
    return [name, bytes.toString()]
  })
  const names = pairs.map(([name]) => name)
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) {
    throw new ProblemError(
      'invalid-metadata',
      `The header Upload-Metadata has the name ${JSON.stringify(twice)} twice.`,
    )
  }
  return Object.fromEntries(pairs)
}

/**
 * Returns the client's own pairs of a raw body, without the prefix of their names. Other names have no meaning there.
 *
 * @throws ProblemError for a name without the prefix
 */
export function rawPairs(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const unknown = Object.keys(metadata).find(name => !name.startsWith(METADATA_PREFIX))
  if (unknown !== undefined) {
    const shown = JSON.stringify(unknown.slice(0, 64))
    throw new ProblemError(
      'invalid-metadata',
      `The header Upload-Metadata of a raw body has the name ${shown}. Did you mean ${JSON.stringify(METADATA_PREFIX + unknown.slice(0, 64))}? The name of the file is sent as ?filename=.`,
    )
  }
  return clientPairs(metadata)
}

/** Returns the client's own pairs, without the prefix of their names and without empty ones. Other names belong to the protocol. */
export function clientPairs(metadata: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).flatMap(
      ([name, value]): Array<[string, string]> =>
        name.startsWith(METADATA_PREFIX) && value ? [[name.slice(METADATA_PREFIX.length), value]] : [],
    ),
  )
}
