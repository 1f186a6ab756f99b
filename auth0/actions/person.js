/**
 * Puts a person's e-mail address into the access tokens of the Admin API, and denies people whose address is not verified.
 * Auth0 drops claims that collide with standard ones, so both are namespaced; ADMIN_EMAIL_CLAIM names the first.
 */
exports.onExecutePostLogin = async (event, api) => {
  if (event.user.email_verified !== true) {
    api.access.deny('Verify your e-mail address first: Auth0 has sent you a link.');
    return;
  }
  if (event.resource_server?.identifier !== '##ADMIN_AUDIENCE##') return;
  api.accessToken.setCustomClaim('##ADMIN_EMAIL_CLAIM##', event.user.email);
  api.accessToken.setCustomClaim('##ADMIN_EMAIL_CLAIM##_verified', true);
};
