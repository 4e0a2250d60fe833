import { ProblemError } from '../problems/problem.ts'

/** The version of the protocol that is spoken. */
export const TUS_VERSION = '1.0.0'

/** Holds the header `Tus-Resumable` of a request to it. The protocol's server calls any other version a bad request. @throws ProblemError */
export function checkVersion(header: string | string[] | undefined): void {
  if (header === TUS_VERSION) return
  const headers = { 'tus-version': TUS_VERSION }
  throw new ProblemError('unsupported-tus-version', `Send Tus-Resumable: ${TUS_VERSION}.`, { headers })
}
