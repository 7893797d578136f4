return { team: request.user.groups[0] };
