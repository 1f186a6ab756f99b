/**
 * Puts the address of a script into its access tokens of the Admin API: a token of an application has no user. The address is
 * the application's `admin_email`, which only the tenant's administrators can write; an application without one gets no token.
 */
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (event.resource_server?.identifier !== '##ADMIN_AUDIENCE##') return;
  const email = event.client.metadata?.admin_email;
  if (!email) {
    api.access.deny('invalid_request', 'The application has no admin_email in its metadata.');
    return;
  }
  api.accessToken.setCustomClaim('##ADMIN_EMAIL_CLAIM##', email);
  api.accessToken.setCustomClaim('##ADMIN_EMAIL_CLAIM##_verified', true);
};
