import { issuerOf } from '../../../platform/config/api.ts'
import { type Check, failed, ok } from '../check.ts'
import { fetchKeys } from '../keys.ts'

export const tokenIssuer: Check = {
  id: 'token-issuer',
  title: 'the issuer of the tokens is there, and gives its keys out',
  async run({ config, signal }) {
    const issuer = issuerOf(config)
    const { status, keys } = await fetchKeys(issuer, signal)
    if (keys.length > 0) return ok(`${issuer} has ${keys.length} keys`)
    const advice =
      config.COGNITO_ISSUER === undefined
        ? 'Set COGNITO_USER_POOL_ID to the id of the pool (not its name) and AWS_REGION to the region that it is in: its id begins with that.'
        : 'Set COGNITO_ISSUER to the `iss` of its tokens, or leave it out where the issuer is a user pool of AWS.'
    return failed(`${issuer}/.well-known/jwks.json answers ${status} and has no key: every token is refused`, advice)
  },
}
