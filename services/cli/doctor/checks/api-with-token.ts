import { issuerOf } from '../../../platform/config/api.ts'
import { type Check, failed, ok, skipped } from '../check.ts'
import { API_URL_ADVICE, probeApi } from '../http.ts'

export const apiWithToken: Check = {
  id: 'api-with-token',
  endpointVariable: 'API_URL',
  title: 'the api takes the token',
  async run({ config, signal }) {
    if (config.API_URL === undefined || config.API_TOKEN === undefined)
      return skipped('API_URL or API_TOKEN is not set')
    const { status, by, url, detail } = await probeApi(config.API_URL, signal, config.API_TOKEN)
    if (status === 200 && by === 'the api') return ok(`${url} answers 200`)
    const seen = `${url} answers ${status}, from ${by}: ${detail}`
    if (status === 401 && by === 'API Gateway') {
      return failed(
        seen,
        `The authorizer of API Gateway refuses it: its issuer must be ${issuerOf(config)} and its audience ${config.COGNITO_CLIENT_ID}, and its identity source the header Authorization. See the check \`token\` for what the token says.`,
      )
    }
    if (status === 401) {
      const advice =
        'The api itself refuses it. Its COGNITO_USER_POOL_ID, COGNITO_CLIENT_ID and COGNITO_ISSUER must be those of the token: see the check `token` for what that says, and compare the environment of the api.'
      return failed(seen, advice)
    }
    if (by !== 'the api') return failed(seen, API_URL_ADVICE)
    if (status === 403) {
      return failed(
        seen,
        'The user may not look at uploads: see READ_SCOPES and READ_GROUPS of the api, and the scopes and groups of the token.',
      )
    }
    return failed(seen, 'See the log of the api: it has the request, by its id.')
  },
}
