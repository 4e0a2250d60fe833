import { issuerOf, jwksUrlOf } from '../../../platform/config/api.ts'
import { type Check, failed, ok } from '../check.ts'
import { fetchKeys } from '../token.ts'

export const tokenIssuer: Check = {
  id: 'token-issuer',
  title: 'the issuer of the tokens exists and publishes its keys',
  async run({ config, signal }) {
    const issuer = issuerOf(config)
    const url = jwksUrlOf(config)
    const { status, keys } = await fetchKeys(url, signal)
    if (keys.length > 0) return ok(`${issuer} has ${keys.length} ${keys.length === 1 ? 'key' : 'keys'}`)
    const advice =
      config.COGNITO_ISSUER === undefined
        ? 'Set COGNITO_USER_POOL_ID to the id of the pool (not its name), and AWS_REGION to its region. The id begins with the region.'
        : 'Set COGNITO_ISSUER to the `iss` claim of the tokens. For a user pool of AWS, unset it.'
    return failed(`${url} responds with ${status} and no key: every token is rejected`, advice)
  },
}
